package fleet

import (
	"fmt"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
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
					g.demanded()
				}
			}
		}
	}
}

// Demanded is told by the router that requests wait, or that instances have enough of them. It
// does not block.
func (f *Fleet) Demanded(serviceID string) { f.demanded.put(serviceID) }

// burstPause is how long what comes at once is collected after the first of it was acted on: one more
// decision is enough for the rest of a burst.
const burstPause = 25 * time.Millisecond

// demanded looks at the service because the router says so, a little later if that was so just now. The
// router does not say so again before that look.
func (g *group) demanded() {
	g.mu.Lock()
	pause := max(0, burstPause-time.Since(g.rushed))
	g.rushed = time.Now().Add(pause)
	g.mu.Unlock()
	if pause == 0 {
		g.scale()
		return
	}
	time.AfterFunc(pause, func() { g.fleet.do(g.scale) })
}

// spec is what a service scales by.
func (f *Fleet) spec(s apprunner.Service, scaling apprunner.Scaling) autoscale.Spec {
	asked := f.opts.Asked(s)
	return autoscale.Spec{
		MinSize: scaling.MinSize, MaxSize: scaling.MaxSize, MaxConcurrency: scaling.MaxConcurrency,
		CPU: asked.ScaleCPU, Memory: asked.ScaleMemory, Rate: asked.ScaleRPS, P95: asked.ScaleP95,
		ToZeroAfter: asked.ScaleToZeroAfter, StableWindow: f.opts.IdleAfter,
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
	spec := f.spec(service, serving.Scaling)
	g.mu.Lock()
	sample.Usage = g.usage
	g.load.Window.Add(sample)
	g.peak = max(sample.Now, sample.Peak)
	if g.serving != serving { // switched meanwhile: the next look is soon
		g.mu.Unlock()
		return
	}
	record, changed := g.decideLocked(spec, now)
	g.mu.Unlock()
	if record == nil {
		return
	}
	if changed {
		f.journal.Event(service, fmt.Sprintf("Scaling from %d to %d instances. %s", record.From, record.To, record.Reason))
		g.maintain()
	} else {
		f.journal.Event(service, record.Reason)
	}
	f.journal.Scaled(service, *record)
}

// decideLocked applies a decision. It returns what is worth a record: a change, and that the load
// needs more than the service may have, unless that was so a moment ago.
func (g *group) decideLocked(spec autoscale.Spec, now time.Time) (record *autoscale.Record, changed bool) {
	before := g.want
	d := autoscale.Decide(now, g.load, spec, before)
	g.want = d.Want
	if d.Want < before {
		g.load.Scaled = now
	}
	limited := d.Need > spec.MaxSize && now.Sub(g.limited) > limitedAgain
	if d.Need > spec.MaxSize {
		g.limited = now
	}
	if d.Want == before && !limited {
		return nil, false
	}
	return &autoscale.Record{
		Time: now, From: before, To: d.Want, Need: d.Need, Reason: d.Reason, Inputs: g.load.Inputs(now, spec),
	}, d.Want != before
}

// limitedAgain is how long a service must have had enough with MaxSize until it is told again that it
// has not.
const limitedAgain = time.Minute

// Scaling tells what the autoscaler says of a service now, and why; false when it has no traffic.
func (f *Fleet) Scaling(serviceID string) (autoscale.Record, bool) {
	g := f.lookup(serviceID)
	if g == nil {
		return autoscale.Record{}, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.serving == nil {
		return autoscale.Record{}, false
	}
	now, spec := time.Now(), f.spec(g.service, g.serving.Scaling)
	d := autoscale.Decide(now, g.load, spec, g.want)
	return autoscale.Record{
		Time: now, From: g.want, To: d.Want, Need: d.Need, Reason: d.Reason, Inputs: g.load.Inputs(now, spec),
	}, true
}
