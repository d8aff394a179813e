package router

import "time"

// LatencyBounds are the upper bounds of the buckets of Tally.Latency. The last bucket, which has
// no bound, is beyond them.
var LatencyBounds = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
	500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second,
	10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute,
}

// Tally counts requests that have ended. Counts only grow.
type Tally struct {
	Requests   int64
	Status     [6]int64                      // by status/100; [0] counts requests without a status: the client left
	Latency    [len(LatencyBounds) + 1]int64 // first to last byte, by LatencyBounds; not of upgraded connections
	LatencySum time.Duration
}

// tally is a Tally to which outcomes are added.
type tally Tally

// outcome is how a request ended, or one attempt at it.
type outcome struct {
	status   int // 0: the client left
	took     time.Duration
	answered bool // the instance sent a response's header
	upgraded bool
}

func (t *tally) add(o outcome) {
	t.Requests++
	class := o.status / 100
	if class < 0 || class >= len(t.Status) {
		class = 0
	}
	t.Status[class]++
	if o.upgraded {
		return
	}
	t.LatencySum += o.took
	for i, bound := range LatencyBounds {
		if o.took <= bound {
			t.Latency[i]++
			return
		}
	}
	t.Latency[len(LatencyBounds)]++
}

// Sample is what scaling needs to know of a service.
type Sample struct {
	Time     time.Time
	InFlight int     // requests that have an instance
	Queued   int     // requests that wait for one
	Peak     int     // the most in flight and queued at once since the previous sample
	Average  float64 // of in flight and queued since the previous sample, weighted by time
	Ready    int     // instances that take requests
}

// Stats is everything counted of a service. Counts of instances that left stay in the service's.
type Stats struct {
	Time      time.Time
	InFlight  int
	Queued    int
	Service   Tally
	Wakes     Wakes
	Instances map[string]InstanceStats
}

// InstanceStats is everything counted of one instance.
type InstanceStats struct {
	InFlight int
	Ready    bool // healthy and not just failed
	Asleep   bool // is woken by the next request that it gets
	Draining bool // out of rotation, with requests still in flight
	Tally    Tally
}

// meter integrates the demand on a gate over time.
type meter struct {
	since, at time.Time
	area      float64 // request-seconds from since on
	peak      int
}

// advance accounts for the time since the last change. It is called before each change.
func (m *meter) advance(inFlight, queued int) {
	now := time.Now()
	m.area += float64(inFlight+queued) * now.Sub(m.at).Seconds()
	m.at = now
}

// note is called after each change that may be a peak.
func (m *meter) note(inFlight, queued int) {
	m.peak = max(m.peak, inFlight+queued)
}

// sample closes the books and tells demand again from now on.
func (g *gate) sample() Sample {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.meter.advance(g.inFlight, g.queue.n)
	s := Sample{
		Time:     g.meter.at,
		InFlight: g.inFlight,
		Queued:   g.queue.n,
		Peak:     g.meter.peak,
		Average:  float64(g.inFlight + g.queue.n),
	}
	if span := g.meter.at.Sub(g.meter.since).Seconds(); span > 0 {
		s.Average = g.meter.area / span
	}
	for _, in := range g.instances {
		if in.ready() {
			s.Ready++
		}
	}
	g.meter = meter{since: g.meter.at, at: g.meter.at, peak: g.inFlight + g.queue.n}
	g.told = false
	return s
}

func (g *gate) stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Stats{Time: time.Now(), InFlight: g.inFlight, Queued: g.queue.n, Wakes: g.wakes, Instances: map[string]InstanceStats{}}
	for _, in := range g.retired {
		s.Instances[in.id] = InstanceStats{InFlight: in.leases.n, Draining: true, Tally: Tally(in.tally)}
	}
	for _, in := range g.instances {
		s.Instances[in.id] = InstanceStats{InFlight: in.leases.n, Ready: in.ready(), Asleep: in.asleep, Tally: Tally(in.tally)}
	}
	return s
}
