package metrics

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// lookEvery is how often the source is read.
	lookEvery = 10 * time.Second
	// maxInstances is how many instances of a service have series of their own in one minute.
	maxInstances = 100
)

// Collector makes minutes of readings.
type Collector struct {
	source Source
	store  *Store
	log    *slog.Logger

	mu      sync.Mutex
	last    map[string]Reading // by service: what the next reading is compared with
	cpu     map[string]usage   // by instance
	running map[string]*Minute // by service
}

// usage is the processor time of an instance at a time.
type usage struct {
	at  time.Time
	cpu time.Duration
}

// NewCollector makes a collector that has not looked yet.
func NewCollector(source Source, store *Store, log *slog.Logger) *Collector {
	return &Collector{source: source, store: store, log: log, last: map[string]Reading{}, cpu: map[string]usage{}, running: map[string]*Minute{}}
}

// Run looks at the source until ctx ends.
func (c *Collector) Run(ctx context.Context) {
	for {
		now := time.Now()
		timer := time.NewTimer(now.Truncate(lookEvery).Add(lookEvery).Sub(now))
		select {
		case <-timer.C:
			c.look(ctx, time.Now())
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// Finish looks once more and writes everything. It is called after Run, when the last request has ended.
func (c *Collector) Finish(ctx context.Context) {
	c.look(ctx, time.Now())
	c.flush(func(time.Time) bool { return true })
}

// look reads the source once, and writes the minutes that are over.
func (c *Collector) look(ctx context.Context, now time.Time) {
	readings := c.source.Read(ctx, true)
	// What was counted is of the time since the last look, also when this one comes a little late.
	minute := now.Add(-lookEvery / 2).Truncate(time.Minute).UTC()
	c.flush(func(t time.Time) bool { return t.Before(minute) })
	c.mu.Lock()
	seen := map[string]Reading{}
	alive := map[string]usage{}
	for i := range readings {
		r := &readings[i]
		c.addLocked(minute, r, alive)
		seen[r.ID] = *r
	}
	c.last, c.cpu = seen, alive
	c.mu.Unlock()
	c.flush(func(t time.Time) bool { return !now.Before(t.Add(time.Minute)) })
}

// addLocked puts a reading into the running minute of its service.
func (c *Collector) addLocked(minute time.Time, r *Reading, alive map[string]usage) {
	last, known := c.last[r.ID]
	counts := r.since(last.Counts)
	span := time.Duration(0)
	if known {
		span = r.At.Sub(last.At)
	}
	if !r.Serving && len(r.Instances) == 0 && counts.Requests == 0 {
		return
	}
	m := c.running[r.ID]
	if m == nil {
		m = &Minute{Time: minute}
		c.running[r.ID] = m
	}
	service := counts.values(span)
	service[QueueTime] = r.Queue.since(last.Queue).statistic()
	service[WakeTime] = r.Wake.since(last.Wake).statistic()
	service[ColdStarts] = sample(float64(max(0, r.ColdStarts-last.ColdStarts)))
	before := map[string]Counts{}
	for _, in := range last.Instances {
		before[in.ID] = in.Counts
	}
	active := 0
	for i := range r.Instances {
		in := &r.Instances[i]
		values := c.instanceLocked(in, before, r.At, span, alive)
		service[CPUUtilization].add(values[CPUUtilization])
		service[MemoryUtilization].add(values[MemoryUtilization])
		if in.InFlight > 0 || values[Requests].Sum > 0 {
			active++
		}
		if m.Instances[in.ID] != nil || len(m.Instances) < maxInstances {
			m.instance(in.ID).join(&values)
		}
	}
	service[ActiveInstances] = sample(float64(active))
	m.Service.join(&service)
}

// instanceLocked returns the values of an instance since the last look.
func (c *Collector) instanceLocked(in *InstanceReading, before map[string]Counts, at time.Time, span time.Duration, alive map[string]usage) Values {
	values := in.since(before[in.ID]).values(span)
	if !in.Known {
		return values
	}
	now := usage{at, in.CPU}
	alive[in.ID] = now
	if last, ok := c.cpu[in.ID]; ok && in.CPULimit > 0 && at.After(last.at) && now.cpu >= last.cpu {
		values[CPUUtilization] = sample(100 * (now.cpu - last.cpu).Seconds() / at.Sub(last.at).Seconds() / in.CPULimit)
	}
	if in.MemoryLimit > 0 {
		values[MemoryUtilization] = sample(100 * float64(in.Memory) / float64(in.MemoryLimit))
	}
	return values
}

// flush writes the running minutes that are over. One that cannot be written is lost: the next is more
// worth than holding on to it.
func (c *Collector) flush(over func(time.Time) bool) {
	c.mu.Lock()
	done := map[string]*Minute{}
	for id, m := range c.running {
		if over(m.Time) {
			done[id] = m
			delete(c.running, id)
		}
	}
	c.mu.Unlock()
	for id, m := range done {
		if err := c.store.Append(id, m); err != nil {
			c.log.Error("a minute of metrics is lost", "service", id, "minute", m.Time, "error", err)
		}
	}
}
