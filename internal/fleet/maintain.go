package fleet

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// lose is told that a healthy instance, or one that was to become so, is of no use any more. One
// of the serving revision is replaced; one of a deployment is left to the deployment.
func (g *group) lose(m *member, why error) {
	g.mu.Lock()
	service := g.service
	if g.serving == nil || m.revision.ID != g.serving.ID {
		m.lost = why
		g.mu.Unlock()
		g.route() // it may be a canary
		return
	}
	if m.ending.Swap(true) {
		g.mu.Unlock()
		return
	}
	g.crashLocked(m)
	g.mu.Unlock()
	g.route()
	g.maintain()
	g.fleet.do(func() {
		g.fleet.journal.Event(service, fmt.Sprintf("Instance %s is replaced. %s", m.id, m.cause(why)))
		g.endInBackground(m)
	})
}

// exitDelay is how long after the last connection of a process was refused its end may be known.
const exitDelay = 500 * time.Millisecond

// cause is why an instance is of no use. A process that ends is noticed by its health check, too,
// and often first: then the exit says more.
func (m *member) cause(why error) error {
	if !errors.Is(why, syscall.ECONNREFUSED) {
		return why
	}
	select {
	case <-m.gone:
		return m.exitFailure()
	case <-time.After(exitDelay):
	case <-m.group.fleet.ctx.Done():
	}
	return why
}

// crashLocked decides when the next instance may be started. Instances that end together count as
// one crash, and one that served long enough lets earlier ones be forgotten.
func (g *group) crashLocked(m *member) {
	now := time.Now()
	if now.Sub(m.born) >= forgiveAfter {
		g.crashes = 0
	}
	if g.crashes == 0 || !m.born.Before(g.crashed) {
		g.crashes++
	}
	g.crashed = now
	g.notBefore = now.Add(crashPause(g.crashes))
}

// maintain starts instances of the serving revision that are missing and ends those too many.
func (g *group) maintain() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.serving == nil || g.fleet.ctx.Err() != nil {
		return
	}
	live := g.ofLocked(g.serving.ID)
	if len(live) < g.want {
		g.startLocked(g.want - len(live))
		return
	}
	// The youngest go first: the others have proved themselves.
	slices.SortFunc(live, func(a, b *member) int { return a.born.Compare(b.born) })
	for _, m := range live[g.want:] {
		m.ending.Store(true)
		g.endInBackground(m)
	}
}

// startLocked starts instances at once, or after a pause when they keep crashing. They are members
// from here on, so that nobody else starts them too.
func (g *group) startLocked(missing int) {
	pause := time.Until(g.notBefore)
	if pause <= 0 {
		for range missing {
			g.launchLocked(*g.serving)
		}
		return
	}
	if g.retry != nil {
		return // already waiting; maintain waits again if that is too early
	}
	g.retry = time.AfterFunc(pause, func() {
		g.mu.Lock()
		g.retry = nil
		g.mu.Unlock()
		g.maintain()
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

// forgiveAfter is how long an instance must live before earlier crashes are forgotten.
const forgiveAfter = time.Minute

// Pauses between tries to end an instance.
const (
	firstRetry   = 100 * time.Millisecond
	longestRetry = 10 * time.Second
)

// endInBackground ends a member, and tries until it is gone or the fleet's context ends: what the
// engine could not do while it was away must not stay. A member is ended once, however often this
// is called.
func (g *group) endInBackground(m *member) {
	if m.leaving.Swap(true) {
		return
	}
	f := g.fleet
	f.do(func() {
		g.route()
		f.persist("an instance was not ended", m.id, func() error { return m.end(f.ctx) })
	})
}

// persist does something for an instance until it works or the fleet's context ends.
func (f *Fleet) persist(complaint, id string, try func() error) {
	for pause := firstRetry; ; pause = min(2*pause, longestRetry) {
		err := try()
		if err == nil || f.ctx.Err() != nil {
			return
		}
		f.log.Warn(complaint+" and is tried again", "instance", id, "error", err)
		select {
		case <-f.ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}
