package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// eachCommand calls use with every command that destring has, at any depth.
func eachCommand(cmd *cobra.Command, use func(*cobra.Command)) {
	for _, c := range cmd.Commands() {
		use(c)
		eachCommand(c, use)
	}
}

func TestEachCommandHasAnExampleAndSaysWhatItsFlagsDo(t *testing.T) {
	n := 0
	eachCommand(newRoot(), func(c *cobra.Command) {
		n++
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: a short text without a full stop, not %q", c.CommandPath(), c.Short)
		}
		if !c.Hidden && !strings.Contains(c.Example, c.CommandPath()) {
			t.Errorf("%s: the example does not show it: %q", c.CommandPath(), c.Example)
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s: --%s says nothing", c.CommandPath(), f.Name)
			}
		})
	})
	if n < 20 {
		t.Errorf("%d commands were looked at", n)
	}
}

// The flags in the examples exist: an example that does not run teaches a wrong call.
func TestTheExamplesNameFlagsThatExist(t *testing.T) {
	root := newRoot()
	eachCommand(root, func(c *cobra.Command) {
		for line := range strings.Lines(c.Example) {
			call, _, _ := strings.Cut(line, " | ")
			call, _, _ = strings.Cut(call, " #")
			words := strings.Fields(call)
			if len(words) < 2 || words[0] != "destring" {
				continue
			}
			named, rest, err := root.Find(words[1:])
			if err != nil || named == root {
				t.Errorf("%s: %q: there is no such command", c.CommandPath(), call)
				continue
			}
			named.InitDefaultHelpFlag()
			for _, w := range rest {
				name, _, _ := strings.Cut(w, "=")
				if long, ok := strings.CutPrefix(name, "--"); ok && named.Flags().Lookup(long) == nil && named.InheritedFlags().Lookup(long) == nil {
					t.Errorf("%s: %q: there is no %s", c.CommandPath(), call, name)
				}
			}
		}
	})
}

var update = flag.Bool("update", false, "write what tests compare with anew: the table in the README")

const (
	tableBegins = "<!-- destring config doc: begin -->\n"
	tableEnds   = "<!-- destring config doc: end -->"
)

func TestTheReadmeHoldsTheTableOfTheConfiguration(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, begins := strings.Cut(string(readme), tableBegins)
	got, _, ends := strings.Cut(after, tableEnds)
	if !begins || !ends {
		t.Fatalf("README.md has no table between %q and %q", tableBegins, tableEnds)
	}
	var want strings.Builder
	if err := writeConfigTable(&want); err != nil {
		t.Fatal(err)
	}
	if got == want.String() {
		return
	}
	if !*update {
		t.Fatalf("the table in README.md is not that of `destring config doc`: go test ./cmd/destring -run %s -update", t.Name())
	}
	text := strings.Replace(string(readme), tableBegins+got, tableBegins+want.String(), 1)
	if err := os.WriteFile(filepath.Join("..", "..", "README.md"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestEachKeyOfTheConfigurationSaysWhatItMeans(t *testing.T) {
	var table strings.Builder
	if err := writeConfigTable(&table); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(table.String()) {
		if strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") != 4 || strings.Contains(line, "|  |\n") {
			t.Errorf("no row of key, default and meaning: %s", line)
		}
	}
}
