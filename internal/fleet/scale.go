package fleet

import (
	"fmt"
	"time"

	"github.com/slipway-run/slipway/internal/autoscale"
)

// lookEvery is how often the load of every service is looked at. More load than its instances take
// is told by the router at once.
const lookEvery = time.Second

// followLoad scales every service until the fleet's context ends.
func (f *Fleet) followLoad() {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-f.ctx.Done():
			return
		case <-ticker.C:
			for _, g := range f.all() {
				g.scale()
			}
		case <-f.demanded.ready:
			for _, serviceID := range f.demanded.take() {
				if g := f.lookup(serviceID); g != nil {
					g.scale()
				}
			}
		}
	}
}

// Demanded is told by the router that requests wait, or that instances have enough of them. It
// does not block.
func (f *Fleet) Demanded(serviceID string) { f.demanded.put(serviceID) }

// scale looks at the load of the service and changes how many instances it wants.
func (g *group) scale() {
	f := g.fleet
	g.mu.Lock()
	service, serving := g.service, g.serving
	g.mu.Unlock()
	if serving == nil {
		return
	}
	sample, ok := f.demand.Sample(service.ID)
	if !ok {
		return
	}
	now := time.Now()
	toZero := f.opts.Asked(service).ScaleToZeroAfter
	g.mu.Lock()
	g.load.Window.Add(sample)
	g.peak = max(sample.Now, sample.Peak)
	if g.peak > 0 {
		g.busy = now
	}
	if g.serving != serving { // switched meanwhile: the next look is soon
		g.mu.Unlock()
		return
	}
	before := g.want
	spec := autoscale.Spec{
		MinSize: serving.Scaling.MinSize, MaxSize: serving.Scaling.MaxSize,
		MaxConcurrency: serving.Scaling.MaxConcurrency, StableWindow: f.opts.IdleAfter,
	}
	decision := autoscale.Decide(now, g.load, g.leastOf(spec, now, toZero), before)
	if decision.Want > 0 && toZero > 0 && g.peak == 0 && before <= serving.Scaling.MinSize && now.Sub(g.busy) >= toZero {
		decision = autoscale.Decision{Reason: fmt.Sprintf("No request came in the last %s.", toZero)}
	}
	if decision.Want != before {
		g.want = decision.Want
	}
	if decision.Want < before {
		g.load.Scaled = now
	}
	g.mu.Unlock()
	if decision.Want == before {
		return
	}
	f.journal.Event(service, fmt.Sprintf("Scaling from %d to %d instances. %s", before, decision.Want, decision.Reason))
	g.maintain()
}

// leastOf lets a service that had no request for toZero have no instance.
func (g *group) leastOf(spec autoscale.Spec, now time.Time, toZero time.Duration) autoscale.Spec {
	if toZero > 0 && now.Sub(g.busy) >= toZero {
		spec.MinSize = 0
	}
	return spec
}
