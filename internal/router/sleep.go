package router

import "time"

// Wakes counts what requests woke, and what that cost them. Counts only grow.
type Wakes struct {
	Instances  int64         // that were told to wake
	ColdStarts int64         // how often a request found no instance at all
	Requests   int64         // that waited because no instance was awake
	Time       time.Duration // what those waited together
	Longest    time.Duration // what one of them waited
}

// add counts a request that has an instance now and waited for one to be awake.
func (w *Wakes) add(l *lease, now time.Time) {
	if l.queued.IsZero() {
		return
	}
	l.woke = now.Sub(l.queued)
	l.queued = time.Time{}
	w.Requests++
	w.Time += l.woke
	w.Longest = max(w.Longest, l.woke)
}

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
	g.wakes.Instances++
	g.wake(in.id)
}

// noteWakeLocked notes that a request waits from now on for an instance to be awake, if none is.
func (g *gate) noteWakeLocked(l *lease) {
	for _, in := range g.instances {
		if in.ready() && !in.asleep {
			return
		}
	}
	l.queued = g.meter.at
	if len(g.instances) == 0 && g.queue.n == 0 {
		g.wakes.ColdStarts++
	}
}
