package detect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Event is an event that came as JSON. Its fields may be nested and may be lists.
type Event map[string]any

// ParseEvent reads one JSON object. Numbers keep their digits.
func ParseEvent(line []byte) (Event, error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	var ev Event
	if err := dec.Decode(&ev); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("no JSON object: %w at byte %d", err, syntax.Offset)
		}
		return nil, errors.New("no JSON object") // other errors quote the value
	}
	if ev == nil {
		return nil, errors.New("null is no event")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more behind the JSON object")
	}
	return ev, nil
}

// Time returns the event's @timestamp: RFC 3339 or epoch seconds. It is false when there is none.
func (e Event) Time() (time.Time, bool) {
	switch at := e["@timestamp"].(type) {
	case string:
		return ParseTime(at)
	case json.Number:
		return ParseTime(at.String())
	case float64:
		return epoch(at), true
	}
	return time.Time{}, false
}

// maxPlaces bounds how deep lists in lists are walked twice.
const maxPlaces = 6

// Event makes ev the matcher's event, in place of Reset and the calls for each field.
func (m *Matcher) Event(ev Event) {
	m.Reset()
	path := make([]byte, 0, 128)
	for key, v := range ev {
		m.node(append(path, key...), v, 0)
	}
}

// node adds what is at path and below it. A path is the keys joined by dots. The places in
// lists are not part of it; where a rule names one, the element has a second path with it.
func (m *Matcher) node(path []byte, v any, depth int) {
	slot, named := m.set.slots[string(path)]
	if !named {
		slot = -1
	}
	at := int(slot)
	switch v := v.(type) {
	case map[string]any:
		if named {
			m.Present(at)
		}
		if depth < maxNesting {
			for key, below := range v {
				m.node(append(append(path, '.'), key...), below, depth+1)
			}
		}
	case []any:
		if named && len(v) == 0 {
			m.Present(at)
		}
		if depth < maxNesting {
			for i, below := range v {
				m.node(path, below, depth+1)
				if m.set.places && depth < maxPlaces {
					m.node(strconv.AppendInt(append(path, '.'), int64(i), 10), below, depth+1)
				}
			}
		}
	case nil:
		m.Null(at)
	case string:
		m.Text(at, []byte(v))
	case bool:
		m.Bool(at, v)
	case json.Number:
		m.jsonNumber(at, v)
	case float64:
		m.Number(at, v)
	}
}

// jsonNumber keeps as text what a float cannot hold, such as a long id.
func (m *Matcher) jsonNumber(slot int, n json.Number) {
	f, err := n.Float64()
	if err != nil || string(appendNumber(nil, f)) != n.String() && len(n) > 15 {
		m.Text(slot, []byte(n))
		return
	}
	m.Number(slot, f)
}
