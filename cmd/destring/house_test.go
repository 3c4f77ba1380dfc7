package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// plan says which of our own packages a package may import (tests are free). It is the page
// "how destring is laid out" in code: where building shows it wrong, change it here in
// the commit that needs it, and say why.
var plan = map[string][]string{
	"rules/event":  {},
	"rules/repr":   {},
	"rules/redact": {"rules/event", "rules/repr"},
	"rules/detect": {"rules/event"},
	"rules/record": {"rules/event"},
	"rules/packs":  {"rules/detect"},
	// For tests only, here and in deploy/e2e.
	"rules/record/recordtest": {"rules/record"},
	"rules":                   {"rules/event", "rules/repr", "rules/redact", "rules/detect", "rules/record", "rules/packs"},

	"relay/framing":      {},
	"relay/pki":          {},
	"relay/kafka":        {},
	"relay/kafka/broker": {},
	// For tests of the publisher only, here and in deploy/e2e.
	"relay/kafka/kafkatest": {"relay/kafka"},
	"relay/syslog":          {"rules/event"},
	"relay/celery":          {"rules/event", "rules/repr"},
	"relay/signals":         {"rules/event"},
	"relay/spool":           {"rules"},
	"relay/listener":        {"relay/framing", "relay/syslog", "rules/event"},
	"relay":                 {"relay/framing", "relay/syslog", "relay/celery", "relay/spool", "relay/kafka", "relay/listener", "relay/signals", "rules", "rules/event"},

	"alerting":       {"rules", "rules/detect"},
	"alerting/slack": {"alerting", "rules"}, // for the words of severities
	"deploy":         {},
	// A sample to copy: it stands on a public library alone.
	"deploy/kafka/consumer": {},
	"cmd/destring":          {"*"},
}

// outside says which packages alone may import a library.
var outside = map[string][]string{
	"gopkg.in/mcuadros/go-syslog.v2": {"relay/listener"},
	"github.com/segmentio/kafka-go":  {"relay/kafka", "deploy/kafka/consumer"},
	"github.com/slack-go/slack":      {"alerting/slack"},
	"github.com/spf13/viper":         {"cmd/destring"},
	"github.com/twmb/franz-go":       {"relay/kafka/broker"},
	"go.yaml.in/yaml/v4":             {"cmd/destring", "rules/detect"},
}

// revealers may call event.Text.Reveal: they parse raw text or redact it. relay/signals compares names
// and hands on those that are names by their characters, to be redacted.
var revealers = []string{"rules/event", "rules", "rules/redact", "relay/syslog", "relay/celery", "relay/listener", "relay/signals"}

// pure must not know sockets, disks or clocks.
var pure = map[string][]string{
	"rules": {"net", "os", "net/http", "crypto/tls", "syscall", "os/exec"},
}

func TestTheHouseIsBuiltToPlan(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") || strings.HasPrefix(rel, "deploy/e2e/") {
			return nil
		}
		pkg := filepath.ToSlash(filepath.Dir(rel))
		seen[pkg] = true
		checkFile(t, path, pkg)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range seen {
		if _, ok := plan[pkg]; !ok {
			t.Errorf("package %s is not in the plan", pkg)
		}
	}
}

func checkFile(t *testing.T, path, pkg string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	allowed := plan[pkg]
	for _, spec := range file.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		if own, ok := strings.CutPrefix(name, "destring/"); ok && !slices.Contains(allowed, own) && !slices.Contains(allowed, "*") {
			t.Errorf("%s imports %s: the plan does not allow it", path, name)
		}
		for library, rooms := range outside {
			if (name == library || strings.HasPrefix(name, library+"/")) && !slices.Contains(rooms, pkg) {
				t.Errorf("%s imports %s, which only %v may", path, library, rooms)
			}
		}
		for room, forbidden := range pure {
			if (pkg == room || strings.HasPrefix(pkg, room+"/")) && slices.Contains(forbidden, name) {
				t.Errorf("%s imports %s: %s is pure", path, name, room)
			}
		}
	}
	// keys.go reveals secrets of the configuration to the calls that need them.
	if slices.Contains(revealers, pkg) || pkg == "cmd/destring" && filepath.Base(path) == "keys.go" {
		return
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Reveal" {
			t.Errorf("%s calls Reveal, which only %v may", path, revealers)
		}
		return true
	})
}

func TestTheTopLevelHoldsWhatThePlanNames(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"cmd", "relay", "rules", "alerting", "deploy", "go.mod", "go.sum", "Dockerfile", "README.md", "LICENSE"}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) && e.Name() != "state" && e.Name() != "bin" && e.Name() != "destring" {
			t.Errorf("%s stands at the top level beside the plan", e.Name())
		}
	}
}
