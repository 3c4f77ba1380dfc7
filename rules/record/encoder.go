package record

import (
	"destring/rules/event"
)

// Encoder appends records as JSON. It is read-only after New and may be used by many goroutines.
//
// Append is the table of Fields written out: straight lines, one function an object, with
// the quotes and commas in the names. It is several times faster than a walk over the table,
// which costs two calls through pointers for each of 70 fields, most of them absent. A test and
// a fuzz target hold it to the table, byte for byte.
//
// Each member is written with a comma before it. An object is begun by its name alone; whoever
// closes it turns the first comma into the brace.
type Encoder struct {
	limit int
	pri   [192]string  // ,"priority":134,"facility":{…},"severity":{…}
	how   [5][4]string // framing and header: ,"framing":"octet","header":"rfc5424"
	clock [3]string    // ,"timestamp_source":"log-line"
}

// DefaultLimit keeps a record below what Kafka takes by default (message.max.bytes, 1,048,588
// for a batch of one) with its key, its headers and the batch header.
const DefaultLimit = 1_000_000

// MinLimit is the smallest limit: what no cut makes shorter fits into it.
const MinLimit = 256 << 10

// NewEncoder makes an encoder for records of at most limit bytes: DefaultLimit for 0.
func NewEncoder(limit int) *Encoder {
	e := &Encoder{limit: limit}
	if limit == 0 {
		e.limit = DefaultLimit
	}
	e.limit = max(e.limit, MinLimit)
	for p := range e.pri {
		r := &Record{Facility: int8(p / 8), Severity: int8(p % 8)}
		e.pri[p] = string(appendPriority(nil, r))
	}
	for framing := range e.how {
		for header := range e.how[framing] {
			e.how[framing][header] = `,"framing":"` + event.Framing(framing).String() + `","header":"` + event.Format(header).String() + `"`
		}
	}
	for c := range e.clock {
		e.clock[c] = `,"timestamp_source":"` + event.TimeSource(c).String() + `"`
	}
	return e
}

// Append appends r as one JSON object without a line feed. A record that is longer than the limit is
// cut and says so (see fit). r.Timestamp must be set.
func (e *Encoder) Append(dst []byte, r *Record) []byte {
	at := len(dst)
	dst = e.append(dst, r)
	if len(dst)-at > e.limit {
		dst = e.fit(dst[:at], r)
	}
	return dst
}

func (e *Encoder) append(dst []byte, r *Record) []byte {
	dst = AppendTime(append(dst, `{"@timestamp":`...), r.Timestamp)
	dst = append(AppendEscaped(append(dst, `,"message":"`...), r.Message), '"')
	dst = appendCelery(dst, r)
	dst = e.appendDestring(dst, r)
	if hasError(r) {
		dst = appendError(dst, r)
	}
	dst = appendEvent(dst, r)
	if len(r.Hostname) > 0 {
		dst = append(text(dst, `,"host":{"hostname":"`, r.Hostname), '}')
	}
	dst = e.appendLog(dst, r)
	if r.PID > 0 {
		dst = append(appendInt(append(dst, `,"process":{"pid":`...), int64(r.PID)), '}')
	}
	if len(r.Rules) > 0 {
		dst = appendRule(dst, &r.Rules[0])
	}
	if r.Peer != nil {
		dst = append(dst, r.Peer.members...)
	}
	return append(dst, '}')
}

// text appends a member; name begins with the comma and ends with the opening quote.
func text(dst []byte, name string, s []byte) []byte {
	if len(s) == 0 {
		return dst
	}
	dst = append(dst, name...)
	dst = AppendEscaped(dst, s)
	return append(dst, '"')
}

// word is text for our own words, which need no escaping.
func word(dst []byte, name, s string) []byte {
	if s == "" {
		return dst
	}
	dst = append(dst, name...)
	dst = append(dst, s...)
	return append(dst, '"')
}

// raw appends a member whose value is JSON already.
func raw(dst []byte, name string, json []byte) []byte {
	if len(json) == 0 {
		return dst
	}
	return append(append(dst, name...), json...)
}

// closed ends the object whose members begin at dst[at], or takes its name back when there are none.
func closed(dst []byte, begin, at int) []byte {
	if len(dst) == at {
		return dst[:begin]
	}
	dst[at] = '{'
	return append(dst, '}')
}

func appendCelery(dst []byte, r *Record) []byte {
	begin := len(dst)
	dst = append(dst, `,"celery":`...)
	at := len(dst)
	dst = word(dst, `,"event":"`, string(r.Kind))
	dst = word(dst, `,"format":"`, r.LineForm)
	dst = text(dst, `,"message":"`, r.Body)
	dst = text(dst, `,"process":"`, r.Process)
	dst = text(dst, `,"worker":"`, r.Worker)
	dst = text(dst, `,"queue":"`, r.Queue)
	dst = text(dst, `,"broker":"`, r.Broker)
	if r.IDs > 0 {
		dst = appendInt(append(dst, `,"ids":`...), int64(r.IDs))
	}
	dst = text(dst, `,"group":"`, r.Group)
	if len(r.Frames) > 0 {
		dst = appendFrames(append(dst, `,"frames":`...), r)
	}
	dst = appendTask(dst, r)
	return closed(dst, begin, at)
}

func appendTask(dst []byte, r *Record) []byte {
	begin := len(dst)
	dst = append(dst, `,"task":`...)
	at := len(dst)
	dst = text(dst, `,"name":"`, r.TaskName)
	dst = text(dst, `,"id":"`, r.TaskID)
	dst = word(dst, `,"state":"`, r.State)
	if r.HasRuntime {
		dst = AppendFloat(append(dst, `,"runtime":`...), r.Runtime)
	}
	if r.Retries >= 0 {
		dst = appendInt(append(dst, `,"retries":`...), int64(r.Retries))
	}
	dst = text(dst, `,"eta":"`, r.TaskETA)
	dst = text(dst, `,"args":"`, r.Args)
	dst = text(dst, `,"kwargs":"`, r.Kwargs)
	dst = text(dst, `,"result":"`, r.Result)
	dst = raw(dst, `,"args_values":`, r.ArgsValues)
	dst = raw(dst, `,"kwargs_values":`, r.KwargsValues)
	dst = raw(dst, `,"result_values":`, r.ResultValues)
	return closed(dst, begin, at)
}

func (e *Encoder) appendDestring(dst []byte, r *Record) []byte {
	dst = append(dst, `,"destring":`...)
	at := len(dst)
	dst = append(dst, e.how[min(r.Framing, 4)][r.Format&3]...)
	dst = append(dst, e.clock[min(r.TimestampSource, 2)]...)
	dst = word(dst, `,"withheld":"`, r.Withheld)
	if r.Flags != 0 {
		dst = appendFlags(dst, r.Flags)
	}
	if len(r.Cut) > 0 {
		dst = appendWords(append(dst, `,"cut":`...), r.Cut)
	}
	if n := r.Redacted(); n > 0 {
		dst = appendInt(append(dst, `,"redacted":`...), int64(n))
	}
	if len(r.Findings) > 0 {
		dst = appendFindings(append(dst, `,"findings":`...), r)
	}
	if len(r.Rules) > 0 {
		dst = appendMatches(append(dst, `,"matches":`...), r)
	}
	if r.Peer != nil {
		dst = append(dst, r.Peer.own...)
	}
	return closed(dst, at, at)
}

func appendFlags(dst []byte, f event.Flags) []byte {
	dst = append(dst, `,"flags":[`...)
	for i := range f.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), f.Name(i)...), '"')
	}
	return append(dst, ']')
}

// appendWords appends a list of our own words.
func appendWords(dst []byte, words []string) []byte {
	dst = append(dst, '[')
	for i, w := range words {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), w...), '"')
	}
	return append(dst, ']')
}

func appendError(dst []byte, r *Record) []byte {
	dst = append(dst, `,"error":`...)
	at := len(dst)
	dst = text(dst, `,"type":"`, r.ErrorType)
	if len(r.ErrorMessage) == 0 && r.Fault != "" {
		dst = word(dst, `,"message":"`+faultText, string(r.Fault))
	}
	dst = text(dst, `,"message":"`, r.ErrorMessage)
	dst = text(dst, `,"stack_trace":"`, r.StackTrace)
	return closed(dst, at, at)
}

func appendEvent(dst []byte, r *Record) []byte {
	dst = append(dst, `,"event":{"kind":"event","module":"celery","dataset":"celery.log"`...)
	c := classify(r)
	if r.Kind != "" {
		dst = word(dst, `,"action":"`, string(r.Kind))
		dst = append(append(dst, `,"category":["`...), c.category...)
		dst = append(append(dst, `"],"type":["`...), c.kind...)
		dst = append(dst, `"]`...)
	}
	dst = word(dst, `,"outcome":"`, outcomeOf(r, c))
	if r.Received != 0 {
		dst = AppendTime(append(dst, `,"created":`...), r.Received)
	}
	dst = text(dst, `,"id":"`, r.ID)
	dst = text(dst, `,"hash":"`, r.Hash)
	return append(dst, '}')
}

func (e *Encoder) appendLog(dst []byte, r *Record) []byte {
	begin := len(dst)
	dst = append(dst, `,"log":`...)
	at := len(dst)
	dst = word(dst, `,"level":"`, level(r))
	dst = text(dst, `,"logger":"`, r.Logger)
	dst = e.appendSyslog(dst, r)
	if len(r.File)+len(r.Function) > 0 || r.Line > 0 {
		dst = appendOrigin(dst, r)
	}
	return closed(dst, begin, at)
}

func (e *Encoder) appendSyslog(dst []byte, r *Record) []byte {
	begin := len(dst)
	dst = append(dst, `,"syslog":`...)
	at := len(dst)
	dst = text(dst, `,"hostname":"`, r.Hostname)
	dst = text(dst, `,"appname":"`, r.AppName)
	dst = text(dst, `,"procid":"`, r.ProcID)
	dst = text(dst, `,"msgid":"`, r.MsgID)
	if r.SyslogVers > 0 {
		dst = append(appendInt(append(dst, `,"version":"`...), int64(r.SyslogVers)), '"')
	}
	if len(r.Params) > 0 {
		dst = appendParams(append(dst, `,"structured_data":`...), r)
	}
	if pri := int(r.Facility)*8 + int(r.Severity); r.Facility >= 0 && r.Severity >= 0 && r.Severity < 8 && pri < len(e.pri) {
		dst = append(dst, e.pri[pri]...)
	} else {
		dst = appendPriority(dst, r)
	}
	return closed(dst, begin, at)
}

func appendPriority(dst []byte, r *Record) []byte {
	if r.Facility >= 0 && r.Severity >= 0 {
		dst = appendInt(append(dst, `,"priority":`...), int64(r.Facility)*8+int64(r.Severity))
	}
	if r.Facility >= 0 {
		dst = append(appendInt(append(dst, `,"facility":{"code":`...), int64(r.Facility)), '}')
	}
	if r.Severity >= 0 {
		dst = append(appendInt(append(dst, `,"severity":{"code":`...), int64(r.Severity)), '}')
	}
	return dst
}

func appendOrigin(dst []byte, r *Record) []byte {
	dst = append(dst, `,"origin":`...)
	at := len(dst)
	dst = text(dst, `,"function":"`, r.Function)
	begin := len(dst)
	dst = append(dst, `,"file":`...)
	file := len(dst)
	dst = text(dst, `,"name":"`, r.File)
	if r.Line > 0 {
		dst = appendInt(append(dst, `,"line":`...), int64(r.Line))
	}
	dst = closed(dst, begin, file)
	return closed(dst, at, at)
}
