package record

import (
	"strconv"
	"strings"
	"unsafe"
)

// members appends fields as JSON members, each after a comma, walking the table: what a peer's
// records have in common is encoded so, once a connection. It is also what the
// written-out Encoder.Append is held to.
func members(fields []Field, r *Record) []byte {
	var dst []byte
	var open []string // the objects that are open
	for _, f := range fields {
		if f.append == nil || !f.present(r) {
			continue
		}
		path := strings.Split(f.Name, ".")
		path, name := path[:len(path)-1], path[len(path)-1]
		same := 0
		for same < len(open) && same < len(path) && open[same] == path[same] {
			same++
		}
		dst = append(dst, strings.Repeat("}", len(open)-same)...)
		dst = append(dst, ',')
		for _, object := range path[same:] {
			dst = append(dst, `"`+object+`":{`...)
		}
		dst = append(dst, `"`+name+`":`...)
		dst = f.append(dst, r)
		open = path
	}
	return append(dst, strings.Repeat("}", len(open))...)
}

func appendInt(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }

// view returns s as bytes without copying. Nobody changes them: they go to append and to rules.
func view(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
