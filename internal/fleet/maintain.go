package fleet

import (
	"fmt"
	"slices"
	"time"
)

// lost is told that a healthy instance, or one that was to become so, is of no use any more. One
// of the serving revision is replaced; one of a deployment is left to the deployment. Proven says
// that it served long enough to forgive the crashes before.
func (g *group) lost(m *member, why error, proven bool) {
	g.mu.Lock()
	service := g.service
	serves := g.serving != nil && m.revision.ID == g.serving.ID
	if serves {
		m.ending.Store(true)
		if proven {
			g.crashes = 0
		}
		g.crashes++
	} else {
		m.dead = why
	}
	g.mu.Unlock()
	if !serves {
		return
	}
	g.fleet.journal.Event(service, fmt.Sprintf("Instance %s is replaced. %s", m.id, why))
	g.route()
	g.maintain()
	g.endInBackground(m)
}

// maintain starts instances of the serving revision that are missing, after a pause when they keep
// crashing, and ends those too many.
func (g *group) maintain() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.maintainLocked(crashPause(g.crashes))
}

func (g *group) maintainLocked(pause time.Duration) {
	if g.serving == nil || g.fleet.ctx.Err() != nil {
		return
	}
	live := g.ofLocked(g.serving.ID)
	if missing := g.want - len(live); missing > 0 {
		if pause > 0 {
			g.maintainLater(pause)
			return
		}
		for range missing {
			g.addLocked(*g.serving)
		}
		return
	}
	// The youngest go first: the others have proved themselves.
	slices.SortFunc(live, func(a, b *member) int { return a.born.Compare(b.born) })
	for _, m := range live[g.want:] {
		m.ending.Store(true)
		g.endInBackground(m)
	}
}

// maintainLater starts what is missing after a pause, unless it does so already.
func (g *group) maintainLater(pause time.Duration) {
	if g.retry != nil {
		return
	}
	g.retry = time.AfterFunc(pause, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.retry = nil
		g.maintainLocked(0)
	})
}

// crashPause is how long to wait before the next start after n crashes in a row: nothing after the
// first, then 1 s, 2 s, 4 s, … up to a minute.
func crashPause(n int) time.Duration {
	if n <= 1 {
		return 0
	}
	return min(time.Second<<min(n-2, 6), time.Minute)
}

// forgiveAfter is how long an instance must serve before earlier crashes are forgotten.
const forgiveAfter = time.Minute

func (g *group) endInBackground(m *member) {
	g.fleet.spawn(func() {
		g.route()
		if err := m.end(g.fleet.ctx); err != nil && g.fleet.ctx.Err() == nil {
			g.fleet.log.Error("an instance was not ended", "instance", m.id, "error", err)
		}
	})
}
