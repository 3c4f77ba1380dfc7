package rules

import "destring/rules/record"

// Engine judges events. It is safe for use by many goroutines; each connection has an
// Inspector of its own.
type Engine struct {
	environment string
	source      string // CloudEvents source
	service     record.Service
}

// Options are what an Engine is made of.
type Options struct {
	Environment string // service.environment, "production"; empty for none
	Source      string // CloudEvents source, a URI reference; "/destring" when empty
}

// New makes an Engine.
func New(o Options) (*Engine, error) {
	if o.Source == "" {
		o.Source = "/destring"
	}
	return &Engine{environment: o.Environment, source: o.Source}, nil
}

func (e *Engine) cleanString(s string) string { return s }
