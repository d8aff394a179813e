package router

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// cutGrace is how long Drain waits for requests that it has cut.
const cutGrace = 5 * time.Second

// configure takes over what the route says of the gate. Closing it refuses those that wait.
func (g *gate) configure(limit, target int, closed error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit, g.target, g.closed = limit, target, closed
	if closed == nil {
		g.dispatchLocked()
		return
	}
	g.meter.advance(g.inFlight, g.queue.n)
	for _, l := range g.queue.all() {
		g.queue.remove(l)
		g.waits.end(l, g.meter.at)
		l.refused = closed
		close(l.granted)
	}
}

// replace makes next the instances in rotation, in one step. Instances that stay keep their
// requests; it returns the ids of those that leave.
func (g *gate) replace(next []Instance, build func(Instance) *instance) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var kept []*instance
	for _, want := range next {
		in := g.findLocked(want.ID)
		if in == nil || in.address != want.Address {
			in = build(want)
		}
		in.healthy, in.canary, in.limit = want.Healthy, want.Canary, want.MaxConcurrency
		kept = append(kept, in)
	}
	var gone []string
	for _, in := range slices.Clone(g.instances) {
		if !slices.Contains(kept, in) {
			g.retireLocked(in)
			gone = append(gone, in.id)
		}
	}
	g.instances = kept
	g.dispatchLocked()
	return gone
}

// add puts one more instance in rotation. Of an instance that it has, it takes over the health.
func (g *gate) add(want Instance, build func(Instance) *instance) {
	g.mu.Lock()
	defer g.mu.Unlock()
	in := g.findLocked(want.ID)
	if in != nil && in.address != want.Address {
		g.retireLocked(in)
		in = nil
	}
	if in == nil {
		in = build(want)
		g.instances = append(g.instances, in)
	}
	in.healthy, in.canary, in.limit = want.Healthy, want.Canary, want.MaxConcurrency
	g.dispatchLocked()
}

func (g *gate) setHealthy(id string, healthy bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	in := g.findLocked(id)
	if in == nil {
		return
	}
	in.healthy = healthy
	if healthy {
		in.suspect, in.failures = false, 0
	}
	g.dispatchLocked()
}

// suspect keeps requests from an instance that refused a connection, for a time that doubles
// with every failure in a row.
func (g *gate) suspect(in *instance) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if in.suspect {
		return // one of several requests that failed together
	}
	in.suspect = true
	pause := min(suspectFirst<<min(in.failures, 10), suspectMost)
	in.failures++
	time.AfterFunc(pause, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		in.suspect = false
		g.dispatchLocked()
	})
}

// remove takes an instance that is dead out at once. Its requests are cut with errInstanceGone,
// which those that may be sent twice survive on another instance.
func (g *gate) remove(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if in := g.knownLocked(id); in != nil {
		g.retireLocked(in)
		cutLocked(in, errInstanceGone)
	}
}

// drain takes an instance out of rotation and waits for its requests. A ctx that is merely cancelled ends
// the waiting and nothing else.
func (g *gate) drain(ctx context.Context, id string) error {
	g.mu.Lock()
	in := g.knownLocked(id)
	if in == nil {
		g.mu.Unlock()
		return nil
	}
	g.retireLocked(in)
	gone := in.gone
	g.mu.Unlock()

	select {
	case <-gone:
		return nil
	case <-ctx.Done():
	}
	if cause := context.Cause(ctx); cause == context.Canceled { //nolint:errorlint // the plain one alone
		return fmt.Errorf("drain instance %q: %w", id, cause)
	}
	g.mu.Lock()
	left := in.leases.n
	cutLocked(in, errDrained)
	g.mu.Unlock()
	if left == 0 {
		return nil
	}
	timer := time.NewTimer(cutGrace)
	defer timer.Stop()
	select {
	case <-gone:
	case <-timer.C:
	}
	return fmt.Errorf("drain instance %q: %d requests had not ended and were cut: %w", id, left, context.Cause(ctx))
}

// removeAll is remove for every instance, those that drain included.
func (g *gate) removeAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, in := range slices.Concat(g.instances, g.retired) {
		g.retireLocked(in)
		cutLocked(in, errRemoved)
	}
}

// cutLocked cuts the requests of an instance. The lock keeps them from being released meanwhile: a lease
// is used again for the next request of its holder, which is not to be cut.
func cutLocked(in *instance, cause error) {
	for l := in.leases.first; l != nil; l = l.next {
		l.holder.cut(l, cause)
	}
}

func (g *gate) findLocked(id string) *instance {
	for _, in := range g.instances {
		if in.id == id {
			return in
		}
	}
	return nil
}

// knownLocked finds an instance that is in rotation or drains.
func (g *gate) knownLocked(id string) *instance {
	if in := g.findLocked(id); in != nil {
		return in
	}
	for _, in := range g.retired {
		if in.id == id {
			return in
		}
	}
	return nil
}

// retireLocked takes an instance out of rotation; it is forgotten with its last request.
func (g *gate) retireLocked(in *instance) {
	if in.gone != nil {
		return
	}
	in.gone = make(chan struct{})
	g.instances = without(g.instances, in)
	g.retired = append(g.retired, in)
	if in.leases.n == 0 {
		g.forgetLocked(in)
	}
}

func (g *gate) forgetLocked(in *instance) {
	g.retired = without(g.retired, in)
	close(in.gone)
	in.transport.CloseIdleConnections()
	in.h2c.CloseIdleConnections()
	in.pool.close()
}

func without(all []*instance, in *instance) []*instance {
	return slices.DeleteFunc(all, func(other *instance) bool { return other == in })
}
