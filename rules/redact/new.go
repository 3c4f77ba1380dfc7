package redact

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Redactor hides secrets and personal data in text. It does not change after New and may be used by
// many goroutines, each with a Scratch of its own.
type Redactor struct {
	key        []byte
	previous   [][]byte
	detectors  []Detector
	byName     map[string]detectorID
	nouns      []noun
	forms      []form
	rules      []rule
	words      *automaton
	allWords   func() *automaton // words and those that are not ASCII; made when it is first needed
	triggers   [][]trigger       // by word
	actions    []Action          // by detector
	allow      []allowEntry
	showLast   map[detectorID]int
	strict     bool
	rollBase   uint64 // of the rolling hash of remembered values, odd, from the key
	nextExpiry time.Time
}

// New makes a Redactor. It fails when the options contradict each other, and when a vendor rule of our own
// does not find its own sample or finds what it must miss.
func New(o Options) (*Redactor, error) {
	if len(o.Key) < 16 {
		return nil, errors.New("redact: the fingerprint key must have 16 bytes at least")
	}
	r := &Redactor{detectors: append([]Detector(nil), ownDetectors[:]...), nouns: nouns(), forms: ownForms()}
	if err := r.keys(&o); err != nil {
		return nil, fmt.Errorf("redact: %w", err)
	}
	r.detectors[detNone] = Detector{Name: "withheld", Class: Integrity, Severity: High}
	if err := r.loadRules(); err != nil {
		return nil, fmt.Errorf("redact: %w", err)
	}
	r.byName = make(map[string]detectorID, len(r.detectors))
	for i, d := range r.detectors {
		r.byName[d.Name] = detectorID(i)
	}
	r.compile()
	if err := r.prove(); err != nil {
		return nil, fmt.Errorf("redact: %w", err)
	}
	if err := r.policy(&o); err != nil {
		return nil, err
	}
	return r, nil
}

// keys derives what is needed from the deployment's keys (HKDF-SHA-256, RFC 5869): fingerprints of two
// environments that share a key must not be comparable.
func (r *Redactor) keys(o *Options) error {
	derive := func(key []byte, use string) ([]byte, error) {
		return hkdf.Key(sha256.New, key, nil, "destring redact "+use+" "+o.Environment, sha256.Size)
	}
	var err error
	if r.key, err = derive(o.Key, "fingerprint"); err != nil {
		return err
	}
	for _, old := range o.PreviousKeys {
		key, err := derive(old, "fingerprint")
		if err != nil {
			return err
		}
		r.previous = append(r.previous, key)
	}
	roll, err := derive(o.Key, "memory")
	if err != nil {
		return err
	}
	r.rollBase = binary.LittleEndian.Uint64(roll) | 1
	return nil
}

// Detectors lists the closed set of detectors.
func (r *Redactor) Detectors() []Detector {
	return append([]Detector(nil), r.detectors...)
}

// compile makes the one automaton of all words.
func (r *Redactor) compile() {
	index := make(map[string]int)
	var words []string
	add := func(word string, t trigger) {
		if t.kind != onKey {
			t.word = word
		}
		word = oneSign.Replace(word)
		i, ok := index[word]
		if !ok {
			i = len(words)
			index[word] = i
			words = append(words, word)
			r.triggers = append(r.triggers, nil)
		}
		r.triggers[i] = append(r.triggers[i], t)
	}
	for i, f := range r.forms {
		for _, w := range f.list() {
			add(w, trigger{kind: onForm, index: uint16(i)})
		}
	}
	for i := range r.nouns {
		add(r.nouns[i].text, trigger{kind: onKey, index: uint16(i)})
	}
	for i := range r.rules {
		for _, w := range r.rules[i].keywords {
			add(w, trigger{kind: onRule, index: uint16(i)})
		}
	}
	ascii := make([]string, len(words))
	for i, w := range words {
		if plainASCII([]byte(w)) {
			ascii[i] = w
		}
	}
	r.words = newAutomaton(ascii)
	r.allWords = sync.OnceValue(func() *automaton { return newAutomaton(words) })
}

// oneSign brings the signs that join the words of a name to one, as newAutomaton wants.
var oneSign = strings.NewReplacer("-", "_", ".", "_", " ", "_")

// automaton returns the smallest automaton that knows every word that v can hold.
func (r *Redactor) automaton(v *view) *automaton {
	if v.off == nil {
		return r.words
	}
	return r.allWords()
}

// list splits the words of f. Those that hold a space are written as such.
func (f *form) list() []string {
	if strings.HasPrefix(f.words, "-----") {
		return f.exact()
	}
	words := strings.Fields(f.words)
	for i := range words {
		if words[i] == "auth_plain" || strings.HasSuffix(words[i], "_from") || strings.HasSuffix(words[i], "_(") {
			words[i] = strings.ReplaceAll(words[i], "_", " ")
		}
	}
	return words
}

func (f *form) exact() []string {
	word := strings.TrimLeft(strings.Fields(f.words)[0], "-")
	return []string{"-----" + word, "---- " + word}
}
