package main

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/spf13/cobra"
)

func newConfigDoc() *cobra.Command {
	return &cobra.Command{Use: "doc", Short: "Print the table of every key, as it stands in the README", Args: cobra.NoArgs, Example: "  destring config doc",
		RunE: func(cmd *cobra.Command, _ []string) error { return writeConfigTable(cmd.OutOrStdout()) }}
}

// writeConfigTable writes every key, its default and what it means, as a Markdown table.
func writeConfigTable(w io.Writer) error {
	p := &printerTo{w: w}
	p.line("| key | default | |")
	p.line("| --- | --- | --- |")
	writeRows(p, reflect.TypeFor[Config](), "")
	return p.err
}

// writeRows writes the keys of a group and of the groups in it.
func writeRows(p *printerTo, t reflect.Type, prefix string) {
	for _, f := range configFields(t) {
		key := prefix + f.Key
		if f.Type == typeSecret {
			key = f.Env() // the only place of a secret but a file
		}
		p.line("| `%s` | %s | %s |", key, f.defaultCell(), f.cell())
		if f.isGroups() {
			writeRows(p, f.Type.Elem(), key+"[].")
		}
	}
}

func (f configField) defaultCell() string {
	if f.Default == "" {
		return ""
	}
	return "`" + f.Default + "`"
}

// cell is what the key means, with the values that it can have.
func (f configField) cell() string {
	doc := strings.ReplaceAll(f.Doc, "|", `\|`)
	if len(f.OneOf) > 0 {
		doc += fmt.Sprintf(" One of `%s`.", strings.Join(f.OneOf, "`, `"))
	}
	return doc
}
