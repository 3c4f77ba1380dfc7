package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

func TestWhatInitWritesIsAConfigurationThatTheSchemaAccepts(t *testing.T) {
	var text strings.Builder
	if err := writeInit(&text); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"server.pem": 0o644, "server.key": 0o600, "ca.pem": 0o644, "destring.yaml": 0o644} {
		data := "x"
		if name == "destring.yaml" {
			data = text.String()
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), mode); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := loadConfig(filepath.Join(dir, "destring.yaml"), nil, nil); err != nil {
		t.Errorf("refused: %v\n%s", err, text.String())
	}
	checkSchema(t, text.String(), true)
}

func TestTheSchemaRefusesWhatTheLoaderRefuses(t *testing.T) {
	checkSchema(t, goodConfig, true)
	for _, bad := range []string{"kafka: {brokes: [a]}", "listen: {stall: 5}", "listen: {on_full: drop}", "kafka: {partitions: many}", "alerts: {slack: {token: x}}", "spool: {max_size: 10}", "peers: [{zon: UTC}]"} {
		checkSchema(t, bad, false)
	}
}

// checkSchema validates a configuration against the schema that `config schema` prints.
func checkSchema(t *testing.T, config string, want bool) {
	t.Helper()
	raw, err := json.Marshal(configSchema())
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("destring.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("destring.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := yaml.Unmarshal([]byte(config), &v); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(v); (err == nil) != want {
		t.Errorf("accepted: %v, want %v: %v\n%s", err == nil, want, err, config)
	}
}

func TestShowNamesTheOriginOfEachValueAndNoSecret(t *testing.T) {
	file := writeConfig(t, goodConfig)
	t.Setenv("DESTRING_KAFKA_SASL_PASSWORD", "hunter2")
	out, errOut, code := commandLine("config", "show", "-c", file, "--origin", "--set", "kafka.partitions=9")
	if code != exitOK {
		t.Fatal(errOut)
	}
	for _, want := range []string{"kafka.partitions: 9", "# set", "kafka.sasl.password: [hidden]", "# env", "spool.max_size: 10GiB", "# file", "# default"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "hunter2") {
		t.Error("a secret is shown")
	}
}
