package alerting

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"destring/rules"
)

// admit takes the matches of one batch into the alerts. When it returns nil they are durable.
func (a *Alerter) admit(batch []Match) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.broken != nil {
		return a.broken
	}
	now := time.Now()
	fresh := a.unseen(batch)
	for i := range fresh {
		m := &fresh[i]
		m.Rule.Level, m.Finding.Severity = levelOf(m.Rule.Level), levelOf(m.Finding.Severity)
		m.tidy(a.opts.Redact)
		a.take(m, now)
	}
	if err := a.flush(); err != nil {
		return err
	}
	a.wake()
	return nil
}

// unseen returns the matches of records that were not taken before, without those that only
// repeat what a rule on the same record says of the same secret.
func (a *Alerter) unseen(batch []Match) []Match {
	a.mem.events.rotate()
	type leak struct{ event, detector, secret string }
	told := map[leak]bool{}
	for i := range batch {
		if m := &batch[i]; m.Rule.ID != "" && m.Finding.Detector != "" {
			told[leak{m.EventID, m.Finding.Detector, m.Secret()}] = true
		}
	}
	var fresh []Match
	for _, m := range batch {
		switch {
		case m.EventID != "" && a.mem.events.has(m.EventID):
			a.opts.Metrics.again.Inc()
		case m.Rule.ID == "" && told[leak{m.EventID, m.Finding.Detector, m.Secret()}]:
		default:
			fresh = append(fresh, m)
		}
	}
	for _, m := range fresh {
		if m.EventID != "" && !a.mem.events.has(m.EventID) {
			a.mem.events.add(m.EventID)
			a.events = append(a.events, m.EventID)
		}
	}
	return fresh
}

// take counts m for its alert, or opens one.
func (a *Alerter) take(m *Match, now time.Time) {
	key := groupKey(m, a.opts.GroupBy)
	al := a.mem.alerts[key]
	if al == nil && len(a.live) >= a.opts.Limit && m.Level() < rules.Critical {
		key = "overflow\x00" + m.RuleID()
		al = a.mem.alerts[key]
	}
	a.opts.Metrics.matches.WithLabelValues(m.Level().String()).Inc()
	if al == nil || al.Status == Resolved && now.Sub(al.Resolved) >= max(a.opts.RepeatMax, al.Match.Rule.Realert) && a.finished(al) {
		a.open(key, m, al, now)
		return
	}
	before := al.Status
	al.add(m, now)
	a.live[al] = struct{}{}
	a.hush(al, now)
	if before == Resolved {
		a.decide(Decision{Outcome: Reopened, Alert: al.snapshot(), Reason: "a match after it was resolved"})
	}
	a.changed(al)
}

// open makes the alert of m; old is the one of the same group that is over, or nil.
func (a *Alerter) open(key string, m *Match, old *Alert, now time.Time) {
	al := &Alert{ID: alertID(key, m), Key: key, Opened: now, Match: *m, Deliveries: map[string]*Delivery{}}
	if old != nil {
		al.Earlier = old.Earlier + old.Count
	}
	al.add(m, now)
	al.Noted, al.NotedAt = 1, now
	a.mem.put(al)
	a.live[al] = struct{}{}
	a.awaitPlace(al)
	for _, name := range a.route(al) {
		al.Deliveries[name] = &Delivery{}
	}
	a.hush(al, now)
	for name := range al.Deliveries {
		if c := a.couriers[name]; !c.traits.Keeper && al.Silence == "" {
			s := a.mem.sinks[name]
			s.arrive(now, a.opts.Storm)
			a.mark(s)
		}
	}
	a.mark(al)
	a.decide(Decision{Outcome: Opened, Alert: al.snapshot(), Reason: "first match of its group"})
	if fp := m.Finding.Fingerprint; fp != "" && len(a.mem.secrets[fp]) <= maxListed+1 {
		for _, other := range a.mem.secrets[fp] {
			if _, ok := a.live[other]; ok && other != al {
				other.Revision++ // it can say "also in"
				a.changed(other)
			}
		}
	}
}

// changed notes a change of al that may have to be told, in a digest if that told of it.
func (a *Alerter) changed(al *Alert) {
	a.mark(al)
	for _, d := range al.Deliveries {
		g := a.mem.digests[d.Digest]
		if d.Digest == "" || d.Posts > 0 || g == nil || !g.Ended.IsZero() {
			continue
		}
		d.Revision = al.Revision
		if g.Revision == g.Delivery.Revision { // once is enough: what it says is read when it is told
			g.Revision++
			a.mark(g)
		}
	}
}

// Published says where a record was published, so that an alert about it can name the place. It costs
// a look into a map when no alert waits for eventID, so it may be told of every record.
func (a *Alerter) Published(eventID string, at Place) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	waiting := a.places[eventID]
	if len(waiting) == 0 {
		return nil
	}
	delete(a.places, eventID)
	for _, al := range waiting {
		al.Match.Place = at
		al.Revision++
		a.changed(al)
	}
	return a.done()
}

// awaitPlace notes that al does not know where its record is published.
func (a *Alerter) awaitPlace(al *Alert) {
	if id := al.Match.EventID; id != "" && al.Match.Place.Topic == "" && al.Status != Resolved {
		a.places[id] = append(a.places[id], al)
	}
}

// finished reports whether nothing can be said of al any more unless something happens.
func (a *Alerter) finished(al *Alert) bool {
	if al.Status != Resolved {
		return false
	}
	for name, d := range al.Deliveries {
		c := a.couriers[name]
		if c == nil {
			continue // a sink that is configured no more
		}
		if d.Attempt != nil || c.want(al, d, time.Time{}).ok {
			return false
		}
	}
	return true
}

// forget drops what is over: alerts that were resolved long ago, digests, notices and silences
// of no use; and the oldest alerts when there are too many.
func (a *Alerter) forget(now time.Time) {
	if now.Sub(a.swept) < time.Minute {
		return
	}
	a.swept = now
	for _, al := range a.over(now) {
		a.mem.drop(al.Key)
		a.gone = append(a.gone, al.Key)
	}
	// These are dropped from memory alone and leave the journal when it is rewritten; until then a
	// restart brings them back and the next sweep drops them again.
	maps.DeleteFunc(a.mem.digests, func(_ string, g *Digest) bool {
		return !g.Ended.IsZero() && now.Sub(g.Ended) > 24*time.Hour && g.Delivery.Attempt == nil && g.Delivery.Revision == g.Revision
	})
	maps.DeleteFunc(a.mem.notices, func(_ string, n *Notice) bool {
		return n.Delivery.Attempt == nil && (n.Delivery.Posts > 0 || n.Delivery.Refused || now.Sub(n.Time) > 24*time.Hour)
	})
	maps.DeleteFunc(a.mem.silences, func(id string, s *Silence) bool {
		if strings.HasPrefix(id, fromConfig) && s.End.After(now) {
			return false // were it forgotten, the configuration would begin it again
		}
		return !s.Expired.IsZero() && now.Sub(s.Expired) > a.opts.Retention
	})
}

// over are the alerts to forget: those resolved long ago, and the oldest of all resolved when there are too many.
func (a *Alerter) over(now time.Time) (list []*Alert) {
	excess := len(a.mem.alerts) - a.opts.Remember
	for _, al := range a.mem.alerts {
		if _, ok := a.live[al]; !ok && (excess > 0 || now.Sub(al.Touched) > a.opts.Retention) {
			list = append(list, al)
		}
	}
	if excess <= 0 {
		return list
	}
	slices.SortFunc(list, func(x, y *Alert) int { return cmp.Or(x.Touched.Compare(y.Touched), strings.Compare(x.ID, y.ID)) })
	keep := slices.IndexFunc(list, func(al *Alert) bool { return now.Sub(al.Touched) <= a.opts.Retention })
	if keep < 0 {
		keep = len(list)
	}
	return list[:min(max(keep, excess), len(list))]
}
