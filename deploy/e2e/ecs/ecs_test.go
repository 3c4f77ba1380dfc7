package ecs

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"destring/deploy/e2e/parts"
	"destring/rules/record"
	"destring/rules/record/recordtest"
)

var update = flag.Bool("update", false, "write the facts again")

const copied = "../../../rules/record/recordtest/ecs.jsonl"

// ofStatements are the fields of ECS that only records of the other topics have.
var ofStatements = []string{"event.severity", "event.reason", "event.provider", "event.start", "event.end", "event.reference", "event.url", "event.ingested", "event.sequence",
	"rule.ruleset", "rule.category", "rule.description", "related.hosts", "related.ip", "related.user", "related.hash", "observer.version", "service.name", "service.node.name",
	"service.version", "user.name", "user.id", "labels", "tags", "threat.technique.name", "host.name", "file.name", "file.path", "source.address", "tls.client.subject", "tls.client.x509.not_after"}

func TestTheFactsAreThoseOfThePackage(t *testing.T) {
	parts.Need(t, "npm", "node")
	dir := t.TempDir()
	install := exec.Command("npm", "install", "--prefix", dir, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error", "@elastic/ecs@"+record.ECSVersion)
	if out, err := install.CombinedOutput(); err != nil {
		parts.Missing(t, "@elastic/ecs@"+record.ECSVersion+" could not be installed: "+string(out))
	}
	args := []string{"facts.js", filepath.Join(dir, "node_modules", "@elastic", "ecs")}
	for _, f := range record.Published() {
		if f.ECS {
			args = append(args, f.Name)
		}
	}
	facts := exec.Command("node", append(args, ofStatements...)...)
	facts.Stderr = os.Stderr
	got, err := facts.Output()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(copied, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what @elastic/ecs %s says; write it again with -update", copied, record.ECSVersion)
	}
	if len(recordtest.Facts()) == 0 {
		t.Error("no facts")
	}
}
