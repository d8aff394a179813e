package router

import "time"

// Tally counts requests that have ended. Counts only grow.
type Tally struct {
	Requests int64
	Status   [6]int64  // by status/100; [0] counts requests without a status: the client left
	Latency  Durations // first to last byte; not of upgraded connections
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
	t.Latency.add(o.took)
}

// Sample is what scaling needs to know of a service.
type Sample struct {
	Time     time.Time
	InFlight int     // requests that have an instance
	Queued   int     // requests that wait for one
	Peak     int     // the most in flight and queued at once since the previous sample
	Average  float64 // of in flight and queued since the previous sample, weighted by time
	Busy     float64 // of in flight alone, likewise
	Done     int     // requests that gave their instance back since the previous sample
	Ready    int     // instances that take requests, canaries not counted
}

// Stats is everything counted of a service. Counts of instances that left stay in the service's.
type Stats struct {
	Time      time.Time
	InFlight  int
	Queued    int
	Service   Tally
	Waits     Waits
	Load      Load // in flight and queued
	Instances map[string]InstanceStats
}

// Load is how many requests there were at once.
type Load struct {
	Sum  float64 // request-seconds; only grows, so that a difference over time is an average
	Peak int     // the most at once since the previous Collect
}

// InstanceStats is everything counted of one instance.
type InstanceStats struct {
	InFlight int
	Ready    bool // healthy and not just failed
	Asleep   bool // is woken by the next request that it gets
	Draining bool // out of rotation, with requests still in flight
	Tally    Tally
	Load     Load
}

// meter integrates the demand on a gate, or on an instance, over time.
type meter struct {
	at    time.Time
	area  float64 // request-seconds up to at
	peak  int     // since the previous sample
	crest int     // since the previous Collect

	since   time.Time // of the previous sample
	sampled float64   // area then
	busy    float64   // request-seconds in flight since then
	done    int       // requests that ended since then
}

func newMeter() meter {
	now := time.Now()
	return meter{at: now, since: now}
}

// advance accounts for the time since the last change. It is called before each change.
func (m *meter) advance(inFlight, queued int) {
	now := time.Now()
	m.busy += float64(inFlight) * now.Sub(m.at).Seconds()
	m.advanceTo(now, inFlight+queued)
}

func (m *meter) advanceTo(now time.Time, load int) {
	m.area += float64(load) * now.Sub(m.at).Seconds()
	m.at = now
}

// note is called after each change that may be a peak.
func (m *meter) note(inFlight, queued int) {
	m.peak = max(m.peak, inFlight+queued)
	m.crest = max(m.crest, inFlight+queued)
}

// load tells the load now, after advance, and with collect begins a new peak.
func (m *meter) load(now int, collect bool) Load {
	l := Load{Sum: m.area, Peak: m.crest}
	if collect {
		m.crest = now
	}
	return l
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
		Busy:     float64(g.inFlight),
		Done:     g.meter.done,
	}
	if span := g.meter.at.Sub(g.meter.since).Seconds(); span > 0 {
		s.Average, s.Busy = (g.meter.area-g.meter.sampled)/span, g.meter.busy/span
	}
	for _, in := range g.instances {
		if in.ready() && !in.canary {
			s.Ready++
		}
	}
	g.meter.since, g.meter.sampled, g.meter.peak = g.meter.at, g.meter.area, g.inFlight+g.queue.n
	g.meter.busy, g.meter.done = 0, 0
	g.told = false
	return s
}

func (g *gate) stats(collect bool) Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.meter.advance(g.inFlight, g.queue.n)
	s := Stats{
		Time: g.meter.at, InFlight: g.inFlight, Queued: g.queue.n, Waits: g.waits.Waits,
		Load: g.meter.load(g.inFlight+g.queue.n, collect), Instances: map[string]InstanceStats{},
	}
	for _, in := range g.retired {
		s.Instances[in.id] = in.statsAt(s.Time, collect)
	}
	for _, in := range g.instances {
		s.Instances[in.id] = in.statsAt(s.Time, collect)
	}
	if collect {
		g.waits.restart()
	}
	return s
}

func (in *instance) statsAt(now time.Time, collect bool) InstanceStats {
	in.meter.advanceTo(now, in.leases.n)
	gone := in.gone != nil
	s := InstanceStats{
		InFlight: in.leases.n, Ready: !gone && in.ready(), Asleep: in.asleep, Draining: gone,
		Tally: Tally(in.tally), Load: in.meter.load(in.leases.n, collect),
	}
	if collect {
		in.tally.Latency.restart()
	}
	return s
}
