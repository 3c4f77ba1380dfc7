package signals

import (
	"math/bits"
	"slices"
	"time"
)

// rhythm learns the intervals of a sender: how much time went by in pauses of up to 1 s, 2 s, 4 s, ….
// Time tells more than the number of pauses: a worker with a task a day pauses for
// milliseconds within the task, a thousand times, and for a day once.
type rhythm struct {
	spent [rhythmSteps]int64 // nanoseconds
	total int64
}

const (
	rhythmSteps = 24                  // the longest is 97 days
	rhythmHalve = 28 * 24 * time.Hour // then what was before counts half
	rhythmRare  = 10                  // a tenth of the time may be in pauses that are longer than usual
)

// note learns a pause. One that was said to be unusual weighs little: it is usual when it has come a few times.
func (r *rhythm) note(pause int64, unusual bool) {
	step := min(bits.Len64(uint64(pause/int64(time.Second))), rhythmSteps-1)
	if unusual {
		pause = min(pause, r.total/(3*rhythmRare))
	}
	r.spent[step] += pause
	if r.total += pause; r.total < int64(rhythmHalve) {
		return
	}
	r.total = 0
	for i := range r.spent {
		r.spent[i] /= 2
		r.total += r.spent[i]
	}
}

// usual is the longest interval that the sender usually has; 0 when less than known was watched.
func (r *rhythm) usual(known time.Duration) time.Duration {
	if r.total == 0 || r.total < int64(known) {
		return 0
	}
	longer := int64(0)
	for step, ns := range slices.Backward(r.spent[:]) {
		if longer += ns; longer > r.total/rhythmRare {
			return time.Second << step
		}
	}
	return 0
}

// volume is how many lines a sender writes, by the minute.
type volume struct {
	minutes []uint32 // the newest last, 60 at most
	before  uint64   // count at the end of the minute before
}

const (
	volumeMinutes = 60
	volumeNow     = 5  // the last minutes that are compared with those before
	volumeLeast   = 30 // minutes of which the usual volume is known
	volumeFactor  = 10
	volumeFloor   = 60 // lines a minute below which nothing is said
)

func (v *volume) end(count uint64) {
	if len(v.minutes) >= volumeMinutes {
		v.minutes = slices.Delete(v.minutes, 0, 1)
	}
	v.minutes = append(v.minutes, uint32(count-v.before))
	v.before = count
}

// judge compares the last five minutes with the median of those before.
func (v *volume) judge() (name Name, before, after float64) {
	old := len(v.minutes) - volumeNow
	if old < volumeLeast {
		return "", 0, 0
	}
	var sorted [volumeMinutes]uint32
	n := copy(sorted[:], v.minutes[:old])
	slices.Sort(sorted[:n])
	before = float64(sorted[n/2])
	for _, lines := range v.minutes[old:] {
		after += float64(lines) / volumeNow
	}
	switch {
	case after >= volumeFactor*max(before, volumeFloor):
		return VolumeSurge, before, after
	case before >= volumeFloor && after*volumeFactor <= before:
		return VolumeDrop, before, after
	}
	return "", 0, 0
}

// habit is what kind of lines a sender writes, in windows of five minutes.
type habit struct {
	before  window
	share   float64 // of INFO and below in the lines with a level, a moving mean
	windows int     // of which share is the mean, as far as it matters
	without int     // windows without INFO in a row
}

type window struct{ lines, info, loud, odd uint64 }

const (
	habitMinutes = 5
	habitLoud    = 5  // lines with a level that a window needs to say something about the level
	habitKnown   = 3  // windows after which a share is known
	habitWithout = 2  // windows without INFO that are no chance
	oddLeast     = 50 // lines that a window needs to say something about their form
)

// window returns what was counted since the last call.
func (h *habit) window(lines, info, loud, odd uint64) window {
	now := window{lines, info, loud, odd}
	w := window{lines - h.before.lines, info - h.before.info, loud - h.before.loud, odd - h.before.odd}
	h.before = now
	return w
}

// unparsed reports whether more than a fifth of the lines is not Celery's.
func (w window) unparsed() bool { return w.lines >= oddLeast && w.odd*5 > w.lines }

// raised reports that a sender of INFO went over to warnings and errors. What comes then is its new habit.
func (h *habit) raised(w window) bool {
	known := h.windows >= habitKnown && h.share >= 0.5
	switch {
	case w.info+w.loud < habitLoud:
		return false
	case known && w.info == 0:
		if h.without++; h.without < habitWithout {
			return false
		}
		h.windows, h.without, h.share = 0, 0, 0
		return true
	}
	h.without = 0
	share := float64(w.info) / float64(w.info+w.loud)
	if h.windows == 0 {
		h.share = share
	}
	h.share += (share - h.share) / 8
	h.windows = min(h.windows+1, habitKnown)
	return false
}
