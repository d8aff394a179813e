package fleet

import (
	"time"

	"github.com/slipway-run/slipway/internal/autoscale"
	"github.com/slipway-run/slipway/internal/trial"
)

// Tallies are the counts of a service.
type Tallies struct {
	Service   trial.Tally            // refused requests included
	Instances map[string]trial.Tally // by id; one that is gone leaves
	Bounds    []time.Duration        // of Latency
}

// measureEvery is how often instances are measured whose service scales by more than concurrency.
const measureEvery = 2 * time.Second

// fewRequests is how many requests a window needs to tell of latency.
const fewRequests = 20

// reading is what was counted up to a time.
type reading struct {
	at      time.Time
	cpu     map[string]float64 // instances' worth, in seconds, by instance
	memory  float64            // instances' worth
	tallies Tallies
}

// readings are those of the last panic window, the oldest first.
type readings []reading

// add takes in a reading and returns what happened since the oldest that is not out of date.
func (r *readings) add(now reading) autoscale.Usage {
	for len(*r) > 0 && now.at.Sub((*r)[0].at) > autoscale.DefaultPanicWindow {
		*r = (*r)[1:]
	}
	defer func() { *r = append(*r, now) }()
	usage := autoscale.Usage{Memory: now.memory, CPU: r.cpu(now)}
	if len(*r) == 0 {
		return usage
	}
	oldest := (*r)[0]
	served := now.tallies.Service.Minus(oldest.tallies.Service)
	usage.Rate = float64(served.Requests) / now.at.Sub(oldest.at).Seconds()
	usage.P95 = served.Quantile(0.95, fewRequests, now.tallies.Bounds)
	return usage
}

// cpu sums up what each instance used since it was first seen in the window. A new one counts from its
// second reading on: a start has all the CPU there is, and says nothing of the load.
func (r *readings) cpu(now reading) (sum float64) {
	for id, used := range now.cpu {
		for _, old := range *r {
			if before, ok := old.cpu[id]; ok {
				sum += (used - before) / now.at.Sub(old.at).Seconds()
				break
			}
		}
	}
	return sum
}

// measure notes what the service's instances use. Nothing is remembered of a service that does not
// scale by it.
func (g *group) measure() {
	g.mu.Lock()
	service, serving := g.service, g.serving
	g.mu.Unlock()
	if serving == nil || !g.fleet.spec(service, serving.Scaling).Measures() {
		g.mu.Lock()
		g.readings, g.usage = nil, autoscale.Usage{}
		g.mu.Unlock()
		return
	}
	now := reading{at: time.Now(), cpu: map[string]float64{}}
	now.tallies, _ = g.fleet.demand.Tallies(service.ID)
	for _, m := range g.those(func(m *member) bool { return m.revision.ID == serving.ID && m.healthy.Load() }) {
		stats, err := g.fleet.engine.Stats(g.fleet.ctx, m.id)
		if err != nil {
			continue // it ends; what is missing is measured the next time
		}
		now.cpu[m.id] = stats.CPU.Seconds() * 1024 / float64(max(m.revision.Spec.Instance.CPU, 1))
		if stats.MemoryLimit > 0 {
			now.memory += float64(stats.Memory) / float64(stats.MemoryLimit)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.usage = g.readings.add(now)
}
