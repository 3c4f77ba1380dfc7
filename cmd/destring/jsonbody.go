package main

import (
	"bytes"
	"encoding/json"
	"io"
)

// jsonBody is a request's body; a nil one is none.
type jsonBody struct{ data []byte }

func newJSONBody(v any) *jsonBody {
	data, _ := json.Marshal(v) // values of ours, which all have a form in JSON
	return &jsonBody{data}
}

func (b *jsonBody) reader() io.Reader {
	if b == nil {
		return nil
	}
	return bytes.NewReader(b.data)
}
