package rules

import (
	"fmt"
	"time"

	"destring/rules/detect"
	"destring/rules/record"
	"destring/rules/redact"
)

// Engine judges events. It is safe for use by many goroutines and never changes: a new
// policy is a new Engine. Each connection has an Inspector of its own.
type Engine struct {
	redactor    *redact.Redactor
	encoder     *record.Encoder
	judge       *judge // nil without rules
	service     record.Service
	environment string
	headers     []byte // those that every record has: see fixedHeaders
}

// Options are what an Engine is made of.
type Options struct {
	Redact redact.Options // fingerprint key and policy
	// Rules are the Sigma rules; nil for none.
	Rules *detect.Set
	// Environment is published as service.environment; empty for none.
	Environment string
	// Observer is the name of this relay, published as observer.name; empty for none.
	Observer string
	// Source is the CloudEvents source, a URI reference; "/destring/<Observer>" when empty.
	Source string
	// MaxRecord bounds a log record in bytes: record.DefaultLimit when 0, and not less than
	// record.MinLimit. What is longer is cut and says so.
	MaxRecord int
}

// New makes an Engine. The error names what in the policy or in a rule is wrong.
func New(o Options) (*Engine, error) {
	source, err := sourceOf(o)
	if err != nil {
		return nil, err
	}
	redactor, err := redact.New(o.Redact)
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	return &Engine{redactor: redactor, encoder: record.NewEncoder(o.MaxRecord), judge: newJudge(o.Rules), environment: o.Environment, headers: fixedHeaders(source),
		service: record.Service{Environment: o.Environment, Observer: o.Observer}}, nil
}

// NextExpiry is when an entry of the redaction policy ends: whoever runs long makes a new Engine
// then. Zero is never.
func (e *Engine) NextExpiry() time.Time { return e.redactor.NextExpiry() }

// cleanString redacts one of our own texts that may quote a sender.
func (e *Engine) cleanString(s string) string {
	if s == "" {
		return s
	}
	var scratch redact.Scratch
	return string(e.redactor.Redact(&scratch, []byte(s), nil).Text)
}
