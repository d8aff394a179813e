package router

import "slices"

// Remind tells the observer once more what requests wait for: instances that are asleep, and more of them.
// Whoever was told before may have had no time to act on it.
func (r *Router) Remind() {
	r.mu.Lock()
	services := make([]*service, 0, len(r.services))
	for _, s := range r.services {
		services = append(services, s)
	}
	r.mu.Unlock()
	for _, s := range services {
		s.gate.remind()
	}
}

func (g *gate) remind() {
	g.mu.Lock()
	waking := slices.ContainsFunc(g.instances, func(in *instance) bool { return in.asleep && in.waking })
	for _, in := range g.instances {
		if in.asleep && in.waking {
			g.wake(in.id)
		}
	}
	if !waking {
		g.rouseLocked()
	}
	g.told = false
	tell := g.noteLocked(g.queue.n > 0)
	g.mu.Unlock()
	g.tell(tell)
}
