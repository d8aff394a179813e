package fleet

import (
	"time"

	"github.com/slipway-run/slipway/internal/trial"
)

// book sums up what the instances of each revision answered, also of instances that are gone.
type book struct {
	last map[string]trial.Tally // by instance, when it was noted last
	sums map[string]trial.Tally // by revision
}

// note takes in the counts of instances, whose revisions are given. Revisions that have no instance any
// more stay.
func (b *book) note(tallies map[string]trial.Tally, revisions map[string]string) {
	last := make(map[string]trial.Tally, len(revisions))
	for id, revision := range revisions {
		now, ok := tallies[id]
		if !ok {
			continue // it has had no traffic yet, or its last request has ended
		}
		last[id] = now
		b.sums[revision] = b.sums[revision].Plus(now.Minus(b.last[id]))
	}
	b.last = last
}

// mark is what a revision had answered at a time.
type mark struct {
	at  time.Time
	sum trial.Tally
}

// newcomer is a revision since it has traffic.
type newcomer struct {
	since time.Time
	start trial.Tally  // what was counted of it then
	warm  *trial.Tally // likewise when it was warm; nil before
}

// warmUp is how long the latency of a revision does not count: what is loaded and compiled with the first
// requests makes those slow. Errors count from the beginning.
const warmUp = time.Minute

// answered is what the revision did since it has traffic, given what is counted of it now.
func (n *newcomer) answered(now time.Time, sum trial.Tally) trial.Tally {
	if n.warm == nil && now.Sub(n.since) >= warmUp {
		n.warm = &sum
	}
	own := sum.Minus(n.start)
	own.Latency = nil
	if n.warm != nil {
		own.Latency = sum.Minus(*n.warm).Latency
	}
	return own
}

// Of the past, some minutes are remembered, to compare the next revision with.
const (
	markEvery = time.Minute
	markKept  = 5
)

// observe notes what instances answered since the last look, and what the serving revision did in the
// minutes before now.
func (g *group) observe() (bounds []time.Duration) {
	g.mu.Lock()
	service := g.service
	g.mu.Unlock()
	tallies, ok := g.fleet.demand.Tallies(service.ID)
	if !ok {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	revisions := map[string]string{}
	for id, m := range g.members {
		revisions[id] = m.revision.ID
	}
	if g.book.sums == nil {
		g.book.sums = map[string]trial.Tally{}
	}
	g.book.note(tallies.Instances, revisions)
	if g.serving == nil {
		return tallies.Bounds
	}
	for id := range g.book.sums {
		if id != g.serving.ID && !g.needsLocked(id) {
			delete(g.book.sums, id)
		}
	}
	now := time.Now()
	if n := len(g.marks); n == 0 || now.Sub(g.marks[n-1].at) >= markEvery {
		g.marks = append(g.marks, mark{now, g.book.sums[g.serving.ID]})
		g.marks = g.marks[max(0, len(g.marks)-markKept):]
	}
	return tallies.Bounds
}

// needsLocked reports whether somebody may still ask what a revision answered.
func (g *group) needsLocked(revisionID string) bool {
	for _, m := range g.members {
		if m.revision.ID == revisionID {
			return true
		}
	}
	return g.canary != nil && g.canary.revision.ID == revisionID
}

// recentLocked is what the serving revision answered in the last minutes.
func (g *group) recentLocked() trial.Tally {
	if len(g.marks) == 0 || g.serving == nil {
		return trial.Tally{}
	}
	return g.book.sums[g.serving.ID].Minus(g.marks[0].sum)
}
