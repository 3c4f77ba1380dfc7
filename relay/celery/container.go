package celery

import (
	"bytes"

	"destring/rules/event"
	"destring/rules/repr"
)

// container takes the record out of what a container's runtime or journald wrote around it:
// Docker's json-file {"log":"…\n","stream":"stderr","time":"…"}, the CRI's
// "2026-11-23T00:08:12.807Z stderr F …", and journalctl -o json. One record stays one.
func (w *wire) container(ev *event.Event, b []byte) ([]byte, bool) {
	switch {
	case bytes.HasPrefix(b, []byte(`{"log":"`)), bytes.HasPrefix(b, []byte(`{"stream":"`)), bytes.HasPrefix(b, []byte(`{"time":"`)):
		return w.object(ev, b, "log")
	case journal(b):
		return w.object(ev, b, "MESSAGE")
	case b[0] >= '0' && b[0] <= '9':
		return cri(b)
	}
	return nil, false
}

// journal recognises an entry of journald by its first key: its fields are named _LIKE_THIS.
func journal(b []byte) bool {
	return len(b) > 3 && b[0] == '{' && b[1] == '"' && (b[2] == '_' || b[2] >= 'A' && b[2] <= 'Z' && b[3] >= 'A' && b[3] <= 'Z') && bytes.Contains(b, []byte(`"MESSAGE"`))
}

// object copies the member called name of the object b.
func (w *wire) object(ev *event.Event, b []byte, name string) ([]byte, bool) {
	var walk repr.Reader
	var t repr.Token
	walk.Reset(b, 0)
	found, stream := false, name != "log"
	for n := 0; n < 128 && walk.Next(&t); n++ {
		if t.Kind == repr.String && t.Depth == 1 {
			switch key := t.Key.Of(b); {
			case string(key) == name:
				w.scratch, found = repr.AppendText(w.scratch[:0], b, &t), true
			case string(key) == "stream":
				stream = true
			case string(key) == "_PID":
				setPID(&ev.Celery, t.Text.Of(b))
			}
		}
		if walk.Depth() == 0 {
			break
		}
	}
	if !found || !stream {
		return nil, false
	}
	return bytes.TrimSuffix(w.scratch, []byte("\n")), true
}

// cri reads the log format of the container runtime interface: time, stream, F for full or P for partial.
func cri(b []byte) ([]byte, bool) {
	_, zone, n := clock(b)
	if n == 0 || !zone || len(b) < n+10 {
		return nil, false
	}
	rest := b[n:]
	if !bytes.HasPrefix(rest, []byte(" stdout ")) && !bytes.HasPrefix(rest, []byte(" stderr ")) {
		return nil, false
	}
	rest = rest[len(" stdout "):]
	if rest[0] != 'F' && rest[0] != 'P' || len(rest) > 1 && rest[1] != ' ' {
		return nil, false
	}
	return rest[min(2, len(rest)):], true
}
