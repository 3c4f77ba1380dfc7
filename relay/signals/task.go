package signals

import (
	"sync/atomic"
)

// maxTasks bounds the tasks whose failures are counted; beyond it those that did nothing in the last minutes are forgotten.
const maxTasks = 4096

// task is how the runs of one task end. Tracker.mu guards it but for the atomics.
type task struct {
	name             string
	gone             atomic.Bool   // forgotten; a connection that still holds it asks for another
	finished, failed atomic.Uint32 // in the running minute
	old              [ratioMinutes - 1]struct{ finished, failed uint32 }
	at               int
	said             bool // until the ratio is below
}

const (
	ratioMinutes = 5
	ratioFailed  = 20 // failures at least
	ratioShare   = 30 // per cent
)

// taskOf returns the record of a task, nil when there are too many. mu is held.
func (t *Tracker) taskOf(name string) *task {
	k := t.tasks[name]
	if k == nil {
		if len(t.tasks) >= maxTasks {
			for n, k := range t.tasks {
				if finished, _ := k.sum(); finished == 0 {
					k.gone.Store(true)
					delete(t.tasks, n)
				}
			}
		}
		if len(t.tasks) >= maxTasks {
			return nil
		}
		k = &task{name: name}
		t.tasks[name] = k
	}
	return k
}

func (k *task) sum() (finished, failed uint32) {
	finished, failed = k.finished.Load(), k.failed.Load()
	for _, o := range k.old {
		finished += o.finished
		failed += o.failed
	}
	return finished, failed
}

func (k *task) judge(said []Signal, now int64) []Signal {
	finished, failed := k.sum()
	if failed < ratioFailed || uint64(failed)*100 < uint64(finished)*ratioShare {
		k.said = false
		return said
	}
	if k.said {
		return said
	}
	k.said = true
	return append(said, Signal{Name: FailureRatio, Time: now, Task: k.name, Count: int64(failed), Of: int64(finished)})
}

func (k *task) endMinute() {
	k.old[k.at].finished, k.old[k.at].failed = k.finished.Swap(0), k.failed.Swap(0)
	k.at = (k.at + 1) % len(k.old)
}
