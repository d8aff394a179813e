package router

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// queueFactor times the capacity is how many requests may wait, and what all instances take that the
// service may have: enough for a burst while those start, little enough that a hopeless request learns
// it at once.
const queueFactor = 10

// gate lets requests into the instances of one service.
type gate struct {
	demand func()          // tells that there is more to do than capacity; called without the lock
	wake   func(id string) // tells that an instance that is asleep is needed; called with the lock

	mu        sync.Mutex
	limit     int   // requests in flight per instance
	most      int   // instances that the service may come to have
	target    int   // requests in flight per instance that are enough to tell demand
	closed    error // why nobody gets in; nil when the service serves
	instances []*instance
	retired   []*instance // out of rotation, with requests still in flight
	canary    int         // of a hundred requests, how many canaries get
	due       int         // how much of a turn, in hundredths, canaries have coming
	turn      int         // where the next search for an instance begins: ties go round
	queue     leaseList
	inFlight  int
	told      bool // demand was told and nobody looked since
	meter     meter
	waits     waits
}

// try gives l an instance if that needs no waiting. Its error is why the gate is closed.
func (g *gate) try(l *lease, again bool) (bool, error) {
	g.mu.Lock()
	granted, err := g.tryLocked(l, again)
	tell := granted && g.noteLocked(g.inFlight > g.target*len(g.instances))
	g.mu.Unlock()
	g.tell(tell)
	return granted, err
}

func (g *gate) tryLocked(l *lease, again bool) (bool, error) {
	if g.closed != nil {
		return false, g.closed
	}
	if !again && g.queue.n > 0 {
		return false, nil
	}
	in, sleeper := g.pickLocked()
	if in == nil {
		return false, nil
	}
	if sleeper != nil && in.leases.n > 0 {
		g.wakeLocked(sleeper) // the load asks for one more, and no request has to wait for it
	}
	g.grantLocked(l, in)
	return true, nil
}

// claim gives l an instance, waiting in the queue for at most wait when all are busy. A request
// that is tried again does not queue anew: it goes to the front.
//
// Errors: why the gate is closed, errQueueFull, errBusy or errNoInstance when waiting took too
// long, the cause of ctx.
func (g *gate) claim(ctx context.Context, l *lease, wait time.Duration, again bool) error {
	l.woke = 0
	g.mu.Lock()
	granted, err := g.tryLocked(l, again)
	if !granted && err == nil {
		if !again && g.queue.n >= g.depthLocked() {
			err = errQueueFull
		} else {
			g.enqueueLocked(l, again)
		}
	}
	tell := g.noteLocked(!granted && g.closed == nil)
	g.mu.Unlock()
	g.tell(tell)
	if granted || err != nil {
		return err
	}
	return g.wait(ctx, l, wait)
}

func (g *gate) enqueueLocked(l *lease, front bool) {
	g.meter.advance(g.inFlight, g.queue.n)
	l.granted = make(chan struct{})
	g.waitLocked(l)
	if front {
		g.queue.pushFront(l)
	} else {
		g.queue.pushBack(l)
	}
	g.meter.note(g.inFlight, g.queue.n)
	g.rouseLocked()
}

func (g *gate) wait(ctx context.Context, l *lease, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-l.granted:
		return l.refused
	case <-ctx.Done():
		return g.leave(l, context.Cause(ctx))
	case <-timer.C:
		return g.leave(l, nil)
	}
}

// leave takes l out of the queue. A lease that was granted meanwhile stays granted. Without a
// cause it finds one for having waited too long.
func (g *gate) leave(l *lease, cause error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l.list != &g.queue {
		return l.refused
	}
	g.meter.advance(g.inFlight, g.queue.n)
	g.queue.remove(l)
	g.waits.end(l, g.meter.at)
	if cause == nil {
		cause = errNoInstance
		for _, in := range g.instances {
			if in.ready() {
				cause = errBusy
			}
		}
	}
	return cause
}

// release gives back what claim gave and passes it on to whoever waits.
func (g *gate) release(l *lease, o outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	in := l.instance
	g.meter.advance(g.inFlight, g.queue.n)
	in.meter.advanceTo(g.meter.at, in.leases.n)
	in.leases.remove(l)
	g.inFlight--
	g.meter.done++
	in.count(o)
	if in.leases.n == 0 {
		in.quiet = g.meter.at
	}
	if in.gone != nil && in.leases.n == 0 {
		g.forgetLocked(in)
	}
	g.dispatchLocked()
}

// pickLocked returns the instance that is to have the next request, nil if none may, and one that is
// asleep and could help, if it met any. Canaries have their turn as often as their share says.
func (g *gate) pickLocked() (best, sleeper *instance) {
	if g.canary > 0 && g.due+g.canary >= 100 {
		if best, _ = g.leastLocked(true); best != nil {
			g.due += g.canary - 100
			return best, nil
		}
	}
	best, sleeper = g.leastLocked(false)
	switch {
	case best != nil:
		g.due = min(g.due+g.canary, 100)
	case !g.mainLocked():
		return g.leastLocked(true)
	}
	return best, sleeper
}

// leastLocked returns the least loaded of the canaries, or of the others, that may have one more request.
func (g *gate) leastLocked(canary bool) (best, sleeper *instance) {
	at := 0
	for i := range g.instances {
		j := (g.turn + i) % len(g.instances)
		in := g.instances[j]
		if in.canary != canary {
			continue
		}
		if in.asleep {
			if in.ready() && !in.waking {
				sleeper = in
			}
			continue
		}
		if !in.ready() || in.leases.n >= cmp.Or(in.limit, g.limit) || (best != nil && in.leases.n >= best.leases.n) {
			continue
		}
		best, at = in, j
		if in.leases.n == 0 {
			break
		}
	}
	if best != nil {
		g.turn = at + 1
	}
	return best, sleeper
}

// mainLocked reports whether there is an instance that is no canary and takes requests.
func (g *gate) mainLocked() bool {
	for _, in := range g.instances {
		if !in.canary && in.ready() {
			return true
		}
	}
	return false
}

// setCanary sets how many of a hundred requests go to canaries.
func (g *gate) setCanary(percent int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.canary != percent {
		g.canary, g.due = percent, 0
	}
}

func (g *gate) grantLocked(l *lease, in *instance) {
	g.meter.advance(g.inFlight, g.queue.n)
	l.instance = in
	if l.list != nil {
		l.list.remove(l)
		g.waits.end(l, g.meter.at)
	}
	g.waits.starting = false
	in.meter.advanceTo(g.meter.at, in.leases.n)
	in.leases.pushBack(l)
	in.meter.note(in.leases.n, 0)
	g.inFlight++
	g.meter.note(g.inFlight, g.queue.n)
}

// dispatchLocked serves the queue for as long as there is room.
func (g *gate) dispatchLocked() {
	for g.queue.n > 0 {
		in, _ := g.pickLocked()
		if in == nil {
			g.rouseLocked()
			return
		}
		l := g.queue.first
		g.grantLocked(l, in)
		close(l.granted)
	}
}

// setMost sets how many instances the service may come to have.
func (g *gate) setMost(instances int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.most = instances
}

func (g *gate) depthLocked() int {
	return g.limit * max(queueFactor*max(1, len(g.instances)), g.most)
}

// noteLocked reports whether demand is to be told: once for each time that somebody looked.
func (g *gate) noteLocked(exceeds bool) bool {
	if !exceeds || g.told {
		return false
	}
	g.told = true
	return true
}

func (g *gate) tell(tell bool) {
	if tell {
		g.demand()
	}
}
