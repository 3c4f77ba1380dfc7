package record

// Type is the JSON type of a field, with the name that Elasticsearch has for it.
type Type string

// Types of fields.
const (
	Keyword   Type = "keyword"
	FreeText  Type = "match_only_text"
	Wildcard  Type = "wildcard" // long text that is searched by its parts
	Date      Type = "date"
	Long      Type = "long"
	Double    Type = "double"
	IP        Type = "ip"
	Flattened Type = "flattened" // an object with names that the sender chose
	Nested    Type = "object"    // a list of our own objects
)

// Field is one field of the published record.
type Field struct {
	Name  string // dotted
	Type  Type
	Array bool
	ECS   bool // a name of the Elastic Common Schema; else ours
	Doc   string

	// Members are the keywords in the objects of a list; those in Required are always there.
	Members, Required []string

	// present and append say how the field is written. Encoder.Append writes the same bytes with less
	// work; a test holds it to these. Without append the field is for rules only.
	present func(*Record) bool
	append  func([]byte, *Record) []byte

	// Text, List and Number hand the value to rules; at most one is set. Nil means that rules cannot ask for it.
	Text   func(*Record) []byte
	List   List
	Number func(*Record) (float64, bool)
}

// timeForRules lets rules ask for the time: seconds since 1970, as Sigma's time modifiers read a number.
func timeForRules(f Field) Field {
	f.Number = func(r *Record) (float64, bool) { return float64(r.Timestamp) / 1e9, true }
	return f
}

// List hands out a list of texts, one at a time, so that nobody has to make one.
type List struct {
	Len func(*Record) int
	At  func(*Record, int) []byte
}

// bytesField, wordField, … make the fields, so that what is published and what rules see is said once.

func bytesField(name string, t Type, ecs bool, get func(*Record) []byte, doc string) Field {
	return Field{Name: name, Type: t, ECS: ecs, Doc: doc, Text: get,
		present: func(r *Record) bool { return len(get(r)) > 0 },
		append:  func(dst []byte, r *Record) []byte { return AppendString(dst, get(r)) }}
}

// wordField is a value from a closed set of ours that needs no escaping.
func wordField(name string, ecs bool, get func(*Record) string, doc string) Field {
	return Field{Name: name, Type: Keyword, ECS: ecs, Doc: doc, Text: func(r *Record) []byte { return view(get(r)) },
		present: func(r *Record) bool { return get(r) != "" },
		append: func(dst []byte, r *Record) []byte {
			dst = append(dst, '"')
			dst = append(dst, get(r)...)
			return append(dst, '"')
		}}
}

func intField(name string, ecs bool, get func(*Record) (int64, bool), doc string) Field {
	return Field{Name: name, Type: Long, ECS: ecs, Doc: doc,
		Number:  func(r *Record) (float64, bool) { v, ok := get(r); return float64(v), ok },
		present: func(r *Record) bool { _, ok := get(r); return ok },
		append:  func(dst []byte, r *Record) []byte { v, _ := get(r); return appendInt(dst, v) }}
}

func dateField(name string, get func(*Record) int64, doc string) Field {
	return Field{Name: name, Type: Date, ECS: true, Doc: doc,
		present: func(r *Record) bool { return get(r) != 0 },
		append:  func(dst []byte, r *Record) []byte { return AppendTime(dst, get(r)) }}
}

// listField is an array of strings.
func listField(name string, ecs bool, n func(*Record) int, at func(*Record, int) []byte, doc string) Field {
	return Field{Name: name, Type: Keyword, Array: true, ECS: ecs, Doc: doc, List: List{n, at},
		present: func(r *Record) bool { return n(r) > 0 },
		append: func(dst []byte, r *Record) []byte {
			dst = append(dst, '[')
			for i := range n(r) {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = AppendString(dst, at(r, i))
			}
			return append(dst, ']')
		}}
}

// objectField is an object with names that the sender chose, encoded beforehand.
func objectField(name string, get func(*Record) []byte, doc string) Field {
	return Field{Name: name, Type: Flattened, Doc: doc,
		present: func(r *Record) bool { return len(get(r)) > 0 },
		append:  func(dst []byte, r *Record) []byte { return append(dst, get(r)...) }}
}

// findingList is a member of destring.findings as rules ask for it; it is published in there.
func findingList(name string, get func(*Finding) []byte) Field {
	return Field{Name: name, Type: Keyword, Array: true, Doc: "Member of destring.findings.",
		List: List{func(r *Record) int { return len(r.Findings) }, func(r *Record, i int) []byte { return get(&r.Findings[i]) }}}
}

// count is the length of a list that holds word when there is one.
func count(word string) int {
	if word == "" {
		return 0
	}
	return 1
}
