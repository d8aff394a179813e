package router

import "time"

// Sleep puts an instance to sleep that has had no request for so long, and reports whether it did.
// From then on it gets no request before Awake, and Observer.Wake is told when one is there. An
// instance that does not exist, or already sleeps, is not put to sleep.
func (r *Router) Sleep(serviceID, instanceID string, quiet time.Duration) bool {
	s := r.service(serviceID)
	return s != nil && s.gate.sleep(instanceID, quiet)
}

// Awake says that an instance takes requests again. An unknown one is ignored.
func (r *Router) Awake(serviceID, instanceID string) {
	if s := r.service(serviceID); s != nil {
		s.gate.awake(instanceID)
	}
}

func (g *gate) sleep(id string, quiet time.Duration) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	in := g.findLocked(id)
	if in == nil || in.asleep || in.leases.n > 0 || g.queue.n > 0 || time.Since(in.quiet) < quiet {
		return false
	}
	in.asleep = true
	return true
}

func (g *gate) awake(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	in := g.findLocked(id)
	if in == nil || !in.asleep {
		return
	}
	in.asleep, in.waking, in.quiet = false, false, time.Now()
	g.dispatchLocked()
}

// rouseLocked wakes an instance for those that wait, unless those that are waking are enough.
func (g *gate) rouseLocked() {
	var sleeper *instance
	room := 0
	for _, in := range g.instances {
		switch {
		case !in.asleep || !in.ready():
		case in.waking:
			room += g.limit
		case sleeper == nil:
			sleeper = in
		}
	}
	if sleeper != nil && room < g.queue.n {
		g.wakeLocked(sleeper)
	}
}

func (g *gate) wakeLocked(in *instance) {
	in.waking = true
	g.waits.Woken++
	g.wake(in.id)
}
