package alerting

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"destring/rules"
)

// want is what a sink would have to be told, from when on, and how urgent that is.
type want struct {
	ok    bool
	act   Act
	at    time.Time
	rank  int  // lower goes first
	spare int  // messages of the hour's budget that must be left over for others; -1: free of it
	first bool // the first post of an alert
}

// Ranks. What was begun is finished first, for the state of the sink is in doubt.
const (
	rankBegun = iota
	rankCritical
	rankDigest
	rankFirst
	rankRepeat
	rankEdit
	rankReply
	rankStuck
)

// Parts of the budget, in percent, that are kept for what is more urgent: a first post can
// use it to 92 %, then it is folded into the digest, which has the rest.
const (
	spareDigest = 2
	spareFirst  = 8
	spareRepeat = 17
	spareEdit   = 34
	spareReply  = 50
)

// want returns what c's sink would have to be told of al. It depends on the state alone, so
// a restart wants the same.
func (c *courier) want(al *Alert, d *Delivery, now time.Time) want {
	o := &c.alerter.opts
	switch {
	case d.Attempt != nil:
		return d.Attempt.want()
	case c.traits.Keeper:
		return c.wantRecord(al, d)
	case al.Silence != "":
		return want{}
	case !d.told():
		return firstPost(o, al)
	case al.Status == Open && al.Level > d.Level && al.Level == rules.Critical:
		return want{ok: true, act: Post, at: al.Touched, rank: rankCritical, spare: -1}
	}
	repeat := want{}
	if al.Status == Open && al.Count > d.Count {
		repeat = want{ok: true, act: Post, at: later(al.Touched, d.Posted.Add(repeatAfter(o, al, d.Posts))), rank: rankRepeat, spare: spareRepeat}
		if !repeat.at.After(now) {
			return repeat
		}
	}
	if change := c.wantChange(al, d); change.ok {
		if repeat.ok && repeat.at.Before(change.at) {
			return repeat
		}
		return change
	}
	return repeat
}

// want finishes what was begun. A message on which the sink chokes again and again, while it may
// take others, stands back for them after three tries.
func (t *Attempt) want() want {
	w := want{ok: true, act: t.Act, at: t.Began, rank: rankBegun, spare: -1}
	if over := t.Tries - 3; over >= 0 {
		w.rank, w.at = rankStuck, t.Tried.Add(min(time.Minute<<min(over, 10), 5*time.Minute))
	}
	return w
}

func firstPost(o *Options, al *Alert) want {
	switch {
	case al.Level >= rules.Critical:
		return want{ok: true, act: Post, at: al.Opened, rank: rankCritical, spare: -1, first: true}
	case al.Level == rules.High:
		return want{ok: true, act: Post, at: al.Opened.Add(o.GroupWaitHigh), rank: rankFirst, spare: spareFirst, first: true}
	}
	return want{ok: true, act: Post, at: al.Opened.Add(o.GroupWait), rank: rankFirst, spare: spareFirst, first: true}
}

// wantRecord is want for a keeper: each change of status at once, counts once a minute.
func (c *courier) wantRecord(al *Alert, d *Delivery) want {
	w := want{ok: true, act: Edit, at: al.Touched, rank: rankEdit, spare: -1}
	switch {
	case d.Posts == 0:
		return want{ok: true, act: Post, at: al.Opened, rank: rankFirst, spare: -1, first: true}
	case d.Revision >= al.Revision:
		return want{}
	case d.Status == al.Status:
		w.at = later(d.Posted, d.Edited).Add(time.Minute)
	}
	return w
}

// wantChange is the edit or reply by which a message catches up with its alert.
func (c *courier) wantChange(al *Alert, d *Delivery) want {
	if !c.traits.Edits { // what cannot be edited says that it is over, when it mattered
		if al.Status == Resolved && d.Status != Resolved && d.Posts > 0 && al.Level >= rules.High {
			return want{ok: true, act: Post, at: al.Resolved, rank: rankEdit, spare: spareRepeat}
		}
		return want{}
	}
	if d.Ref == (Ref{}) || d.Posts == 0 {
		return want{}
	}
	if d.Revision < al.Revision {
		w := want{ok: true, act: Edit, at: later(d.Posted, d.Edited), rank: rankEdit, spare: spareEdit}
		if d.Status == al.Status {
			w.at = w.at.Add(editAfter(d.Edits))
		}
		return w
	}
	said := d.Status
	if said == Acknowledged {
		said = Open
	}
	if c.traits.Threads && d.Replied != said {
		return want{ok: true, act: Reply, at: later(d.Posted, d.Edited), rank: rankReply, spare: spareReply}
	}
	return want{}
}

// wantDigest is want for a digest. A sink that cannot edit gets a new one every ten minutes.
func (c *courier) wantDigest(g *Digest) want {
	d := &g.Delivery
	switch {
	case d.Attempt != nil:
		return d.Attempt.want()
	case d.Revision >= g.Revision:
		return want{}
	case d.Posts == 0:
		return want{ok: true, act: Post, at: g.Started, rank: rankDigest, spare: spareDigest}
	case !c.traits.Edits || d.Ref == (Ref{}):
		return want{ok: true, act: Post, at: d.Posted.Add(10 * time.Minute), rank: rankDigest, spare: spareDigest}
	}
	return want{ok: true, act: Edit, at: later(d.Posted, d.Edited).Add(editAfter(d.Edits)), rank: rankDigest, spare: spareDigest}
}

func (c *courier) wantNotice(n *Notice) want {
	d := &n.Delivery
	if d.Attempt != nil {
		return d.Attempt.want()
	}
	if d.Posts > 0 || d.Refused {
		return want{}
	}
	return want{ok: true, act: Post, at: n.Time, rank: rankRepeat, spare: spareRepeat}
}

// editAfter is how long a message stands before its n+1st edit: 5 s, doubling to ten minutes.
func editAfter(n int) time.Duration { return min(5*time.Second<<min(n, 10), 10*time.Minute) }

// repeatAfter is how long the n-th post stands before the alert is posted again.
func repeatAfter(o *Options, al *Alert, n int) time.Duration {
	return max(al.Match.Rule.Realert, min(o.Repeat<<min(max(n-1, 0), 10), o.RepeatMax))
}

func later(x, y time.Time) time.Time {
	if x.After(y) {
		return x
	}
	return y
}

// job is a message that a courier is to deliver, and what is true once it has.
type job struct {
	want
	subject any // *Alert, *Digest or *Notice
	d       *Delivery
	msg     Message
	find    bool // it may have arrived already
	found   bool // and it had: what it shows may be old
	// searched says that the search for it failed, so that nothing was sent.
	searched bool
	count    int64
	level    rules.Severity
	rev      int
	status   Status
}

// pick returns the most urgent job of c whose time has come, its intent in the journal, or how long to
// wait for one.
func (a *Alerter) pick(c *courier, now time.Time) (*job, time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.broken != nil {
		return nil, mendEvery
	}
	if wait := c.next.Sub(now); wait > 0 {
		return nil, wait
	}
	a.fold(c, now)
	best, soonest := a.choose(c, now)
	if best == nil {
		if a.flush() != nil || soonest.IsZero() {
			return nil, time.Minute
		}
		return nil, min(max(soonest.Sub(now), 10*time.Millisecond), time.Minute)
	}
	a.intend(c, best, now)
	if a.flush() != nil {
		return nil, mendEvery
	}
	return best, 0
}

// choose goes through all that can be wanted.
func (a *Alerter) choose(c *courier, now time.Time) (best *job, soonest time.Time) {
	left := a.opts.Budget - a.mem.sinks[c.name].used(now)
	consider := func(w want, id string, make func() *job) {
		if !w.ok {
			return
		}
		if w.spare >= 0 && left*100 <= w.spare*a.opts.Budget { // until an old minute leaves the window
			w.at = later(w.at, now.Add(15*time.Second))
		}
		if w.at.After(now) {
			if soonest.IsZero() || w.at.Before(soonest) {
				soonest = w.at
			}
			return
		}
		if best != nil && cmp.Or(best.rank-w.rank, best.at.Compare(w.at), strings.Compare(best.msg.Key, id)) <= 0 {
			return
		}
		best = make()
		best.want, best.msg.Key = w, id
	}
	for al := range a.live {
		if best != nil && c.traits.Keeper {
			break // it takes all, in any order: no need to look through ten thousand for the first
		}
		if d := al.Deliveries[c.name]; d != nil {
			consider(c.want(al, d, now), al.ID, func() *job {
				return &job{subject: al, d: d, count: al.Count, level: al.Level, rev: al.Revision, status: al.Status}
			})
		}
	}
	for _, g := range a.mem.digests {
		if g.Sink == c.name {
			consider(c.wantDigest(g), g.ID, func() *job { return &job{subject: g, d: &g.Delivery, rev: g.Revision} })
		}
	}
	for _, n := range a.mem.notices {
		if n.Sink == c.name {
			consider(c.wantNotice(n), n.ID, func() *job { return &job{subject: n, d: &n.Delivery} })
		}
	}
	return best, soonest
}

// intend completes j and notes in the state that it is about to be tried.
func (a *Alerter) intend(c *courier, j *job, now time.Time) {
	if j.d.Attempt == nil {
		j.d.Attempt = &Attempt{Act: j.act, Key: fmt.Sprintf("%s.%s.%d.%d", j.msg.Key, j.act, j.d.Posts, j.rev), Began: now}
		if j.spare >= 0 {
			a.mem.sinks[c.name].spend(now, 1)
			a.mark(a.mem.sinks[c.name])
		}
	} else {
		j.find = j.d.Attempt.Unknown && j.act != Edit
		j.d.Attempt.Tried = now
	}
	a.mark(j.subject)
	j.msg = Message{Act: j.act, Key: j.d.Attempt.Key, Ref: j.d.Ref, Began: j.d.Attempt.Began, Posts: j.d.Posts, Plain: j.d.Plain}
	switch s := j.subject.(type) {
	case *Alert:
		j.msg.Alert = a.show(s)
	case *Digest:
		j.msg.Digest = a.showDigest(s)
	case *Notice:
		n := *s
		j.msg.Notice = &n
	}
}

// show is the snapshot of al for a sink.
func (a *Alerter) show(al *Alert) *Alert {
	c := al.snapshot()
	if fp := al.Match.Finding.Fingerprint; fp != "" {
		for _, other := range a.mem.secrets[fp] {
			if other != al {
				c.AlsoIn = listed(c.AlsoIn, other.Match.Task)
			}
		}
		slices.Sort(c.AlsoIn)
	}
	return c
}

// fold puts the alerts that c should be posting now into the digest, when there are too many of
// them. Critical ones are never folded.
func (a *Alerter) fold(c *courier, now time.Time) {
	s := a.mem.sinks[c.name]
	tight := (a.opts.Budget-s.used(now))*100 <= spareFirst*a.opts.Budget
	if c.traits.Keeper || !tight && !s.storm(now) {
		return
	}
	for al := range a.live {
		d := al.Deliveries[c.name]
		if d == nil || d.Attempt != nil || d.told() || al.Level >= rules.Critical {
			continue
		}
		if w := c.want(al, d, now); !w.ok || w.at.After(now) {
			continue
		}
		if tight {
			s.Hot = now
			a.mark(s)
		}
		g := a.digest(c.name, now)
		g.Alerts++
		g.Levels[levelOf(al.Level)]++
		g.Revision++
		d.Digest, d.Posted, d.Count, d.Shown, d.Revision, d.Level, d.Status = g.ID, now, al.Count, al.Count, al.Revision, al.Level, al.Status
		a.mark(g)
		a.mark(al)
		a.decide(Decision{Outcome: Folded, Sink: c.name, Alert: al.snapshot(), Reason: "too many alerts at once: told in digest " + g.ID})
	}
}

// digest returns the open digest of a sink.
func (a *Alerter) digest(sink string, now time.Time) *Digest {
	s := a.mem.sinks[sink]
	if g := a.mem.digests[s.Digest]; g != nil && g.Ended.IsZero() && now.Sub(g.Started) < a.opts.Repeat {
		return g
	} else if g != nil && g.Ended.IsZero() {
		a.end(g, now)
	}
	g := &Digest{ID: fmt.Sprintf("digest-%s-%d", sink, now.UnixNano()), Sink: sink, Started: now}
	a.mem.digests[g.ID] = g
	s.Digest = g.ID
	a.mark(s)
	a.mark(g)
	return g
}

func (a *Alerter) end(g *Digest, now time.Time) {
	g.Ended = now
	g.Revision++
	a.mark(g)
}

// maxDigestLines is how many alerts a digest names.
const maxDigestLines = 15

// showDigest is the snapshot of g for a sink.
func (a *Alerter) showDigest(g *Digest) *Digest {
	c := *g
	var in []*Alert
	for _, al := range a.mem.alerts {
		if d := al.Deliveries[g.Sink]; d != nil && d.Digest == g.ID {
			in = append(in, al)
			c.Events += al.Count
		}
	}
	slices.SortFunc(in, func(x, y *Alert) int {
		return cmp.Or(int(y.Level)-int(x.Level), cmp.Compare(y.Count, x.Count), strings.Compare(x.ID, y.ID))
	})
	for _, al := range in[:min(len(in), maxDigestLines)] {
		c.Lines = append(c.Lines, fmt.Sprintf("%-8s ×%-5d %s · %s · %s", strings.ToUpper(al.Level.String()), al.Count, Cut(al.Title(), 80), orDash(Cut(al.Match.Task, 80)), orDash(Cut(al.Match.Worker, 60))))
	}
	return &c
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
