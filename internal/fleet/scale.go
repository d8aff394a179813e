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
		case serviceID := <-f.demanded:
			if g := f.lookup(serviceID); g != nil {
				g.scale()
			}
		}
	}
}

// Demanded is told by the router that requests wait, or that instances have enough of them. It
// does not block: a service that is not looked at now is looked at by the next tick.
func (f *Fleet) Demanded(serviceID string) {
	select {
	case f.demanded <- serviceID:
	default:
	}
}

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
	g.mu.Lock()
	g.load.Window.Add(sample)
	if g.serving != serving { // switched meanwhile: the next look is soon
		g.mu.Unlock()
		return
	}
	before := g.want
	spec := autoscale.Spec{
		MinSize: serving.Scaling.MinSize, MaxSize: serving.Scaling.MaxSize,
		MaxConcurrency: serving.Scaling.MaxConcurrency, StableWindow: f.opts.IdleAfter,
	}
	decision := autoscale.Decide(now, g.load, spec, before)
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
