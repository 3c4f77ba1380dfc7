package drift

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"destring/deploy/e2e/parts"
	"destring/relay/celery"
)

// template is one line of templates.py.
type template struct {
	Logger, Level, Template, File string
	Line                          int
}

// Of each of these the newest release and the two before are looked at.
var packages = []string{"celery", "kombu", "billiard"}

const releases = 3

func TestEveryTemplateOfTheStoredListIsKnown(t *testing.T) {
	stored, err := os.Open("testdata/templates.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	n := 0
	for _, found := range decode(t, stored) {
		n++
		report(t, found)
	}
	if n < 400 {
		t.Fatalf("only %d templates are stored", n)
	}
}

// Every wording in destring's table is one of Celery's: a wording that no version has would match nothing.
func TestNoWordingIsInvented(t *testing.T) {
	stored, err := os.ReadFile("testdata/templates.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	older, err := os.ReadFile("testdata/older.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	all := decode(t, bytes.NewReader(append(stored, older...)))
	for logger, wording := range celery.Wordings {
		if logger == "" || logger == "celery.redirected" || wording == "Got shutdown from remote" {
			continue // printed, not logged; the last is the default of an argument, not a template
		}
		if !slices.ContainsFunc(all, func(s template) bool { return says(wording, s.Template) }) {
			t.Errorf("%s: no version of Celery logs %q", logger, wording)
		}
	}
}

func TestEveryTemplateOfTheNewestReleasesIsKnown(t *testing.T) {
	parts.Need(t, "python3")
	if !parts.Required() {
		parts.Missing(t, "not asked to fetch releases of Celery")
	}
	for _, name := range packages {
		for _, version := range newest(t, name) {
			t.Run(name+"-"+version, func(t *testing.T) {
				folder := t.TempDir()
				run(t, "python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile", "--target", folder, name+"=="+version)
				found := decode(t, bytes.NewReader(run(t, "python3", "templates.py", folder)))
				if len(found) < 20 {
					t.Fatalf("only %d templates were found", len(found))
				}
				for _, f := range found {
					report(t, f)
				}
			})
		}
	}
}

// report fails when f is neither in destring's table nor in the list of what needs no kind.
func report(t *testing.T, f template) {
	t.Helper()
	for _, wording := range celery.Wordings {
		if says(wording, f.Template) {
			return
		}
	}
	if _, ok := kindless(t)[f.Template]; ok {
		return
	}
	t.Errorf("%s:%d logs %q at %s (%s), which destring does not know: give it a kind in relay/celery/messages_*.go, or add it to kindless.txt", f.File, f.Line, f.Template, f.Level, f.Logger)
}

// says reports whether a source's template is the wording, or one that begins with it.
func says(wording, source string) bool {
	return wording == source || strings.HasSuffix(wording, "\n") && strings.HasPrefix(source, wording)
}

// kindless reads the wordings that were looked at and tell nothing that deserves a kind, one JSON string a line.
func kindless(t *testing.T) map[string]bool {
	t.Helper()
	data, err := os.ReadFile("kindless.txt")
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		var s string
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatalf("kindless.txt: %q is no JSON string: %v", line, err)
		}
		list[s] = true
	}
	return list
}

func decode(t *testing.T, r interface{ Read([]byte) (int, error) }) (all []template) {
	t.Helper()
	in := bufio.NewScanner(r)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var f template
		if err := json.Unmarshal(in.Bytes(), &f); err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

var release = regexp.MustCompile(`\b\d+(\.\d+)+\b`)

// newest asks pip for the releases of a package, newest first.
func newest(t *testing.T, name string) []string {
	t.Helper()
	out := string(run(t, "python3", "-m", "pip", "index", "versions", "--disable-pip-version-check", name))
	_, list, ok := strings.Cut(out, "Available versions:")
	if !ok {
		t.Fatalf("pip index versions %s gave no list of versions", name)
	}
	list, _, _ = strings.Cut(list, "\n")
	all := release.FindAllString(list, -1)
	if len(all) < releases {
		t.Fatalf("%s has only the releases %v", name, all)
	}
	return all[:releases]
}

func run(t *testing.T, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(program, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, errs.Bytes())
	}
	return out
}
