package main

import (
	"errors"
	"fmt"
	"os"

	"destring/rules/detect"
	"destring/rules/packs"
)

// ruleSet compiles the rules of the configuration: the embedded packs and those in rules.dirs. One
// that is refused refuses them all: a rule that is silently missing is worse than an old set.
func (c *Config) ruleSet() (*detect.Set, error) {
	sources := []detect.Source{packs.Source()}
	for _, dir := range c.Rules.Dirs {
		if _, err := os.Stat(c.path(dir)); err != nil {
			return nil, fmt.Errorf("rules.dirs: %w", err)
		}
		sources = append(sources, detect.Folder(dir, os.DirFS(c.path(dir)), "."))
	}
	set, err := detect.LoadExcept(packs.Off(c.Rules.Enable...), sources...)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, name := range c.Rules.Enable {
		if set.Rule(name) == nil {
			errs = append(errs, fmt.Errorf("rules.enable: there is no rule %q", name))
		}
	}
	return set, errors.Join(errs...)
}
