package record_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"destring/rules/record"
)

var update = flag.Bool("update", false, "write the generated files again")

const deployed = "../../deploy/kafka/"

func TestThePageAndTheIndexTemplateAreGenerated(t *testing.T) {
	page, err := os.ReadFile(deployed + "SCHEMA.md")
	if err != nil {
		t.Fatal(err)
	}
	begin := []byte("-update -->\n")
	from := bytes.Index(page, begin) + len(begin)
	to := bytes.Index(page, []byte("<!-- end -->"))
	if from < len(begin) || to < from {
		t.Fatal("the marks of the generated table are gone from SCHEMA.md")
	}
	hold(t, deployed+"SCHEMA.md", bytes.Join([][]byte{page[:from], record.Markdown(), page[to:]}, nil))
	for name, template := range map[string]map[string]any{"elastic": record.IndexTemplate(), "opensearch": record.OpenSearchTemplate()} {
		raw, err := json.MarshalIndent(template, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		hold(t, deployed+name+"-index-template.json", append(raw, '\n'))
	}
}

func hold(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the schema says; go test ./rules/record -run Page -update writes it", path)
	}
}

// The page says figures that the code knows.
func TestThePageSaysWhatTheCodeDoes(t *testing.T) {
	page, err := os.ReadFile(deployed + "SCHEMA.md")
	if err != nil {
		t.Fatal(err)
	}
	limit := fmt.Sprint(record.DefaultLimit)
	limit = limit[:1] + "," + limit[1:4] + "," + limit[4:]
	major, _, _ := strings.Cut(record.Version, ".")
	for _, want := range []string{"at most " + limit + " bytes", "version of this schema, `" + record.Version + "`", "major version " + major, "Schema](https://www.elastic.co/docs/reference/ecs) " + strings.TrimSuffix(record.ECSVersion, ".0")} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("SCHEMA.md does not say %q", want)
		}
	}
}
