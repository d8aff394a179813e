package metrics

import (
	"context"
	"time"
)

// Source tells what is counted of every service that is served. With collect, what is highest and
// lowest begins anew: that is for one reader alone.
type Source interface {
	Read(ctx context.Context, collect bool) []Reading
}

// Reading is what is counted of a service. All but what is said to be of now, or since the last time,
// only grows while the process lives.
type Reading struct {
	ID, Name, Region string

	At      time.Time
	Serving bool // it takes requests: it is neither paused nor without a revision
	Counts
	Queued     int // now
	Queue      Durations
	Wake       Durations
	ColdStarts int64
	Instances  []InstanceReading
}

// Counts is what is counted of a service and of an instance.
type Counts struct {
	Requests int64
	Status   [6]int64 // by status/100; [0] without a status: the client left
	Latency  Durations
	InFlight int     // now
	Load     float64 // request-seconds: how many there were at once, over time
	Peak     int     // the most at once since the last time
}

// Durations counts durations by Bounds.
type Durations struct {
	Count   int64
	Sum     time.Duration
	Buckets Buckets

	Shortest, Longest time.Duration // since the last time; 0 for none
}

// InstanceReading is what is counted of an instance.
type InstanceReading struct {
	ID string
	Counts

	Known       bool          // the members that follow are
	CPU         time.Duration // processor time since its start
	Memory      int64         // bytes, now
	CPULimit    float64       // processors that it is configured to have
	MemoryLimit int64         // bytes
}

// since returns what was counted since an earlier reading. Counts that are lower than before began anew.
func (c Counts) since(last Counts) Counts {
	if c.Requests < last.Requests || c.Load < last.Load {
		return c
	}
	c.Requests -= last.Requests
	for i := range c.Status {
		c.Status[i] -= last.Status[i]
	}
	c.Latency = c.Latency.since(last.Latency)
	c.Load -= last.Load
	return c
}

func (d Durations) since(last Durations) Durations {
	if d.Count < last.Count {
		return d
	}
	d.Count -= last.Count
	d.Sum -= last.Sum
	for i := range d.Buckets {
		d.Buckets[i] -= last.Buckets[i]
	}
	return d
}

// statistic is that of durations that were counted since the last time.
func (d Durations) statistic() Statistic {
	if d.Count <= 0 {
		return Statistic{}
	}
	return Statistic{
		Count: d.Count, Sum: milliseconds(d.Sum), Min: milliseconds(d.Shortest), Max: milliseconds(d.Longest), Buckets: &d.Buckets,
	}
}

// values are those of what was counted in a span of time.
func (c Counts) values(span time.Duration) Values {
	var v Values
	v[Requests] = sample(float64(c.Requests))
	for m, class := range map[Metric]int{Responses2xx: 2, Responses4xx: 4, Responses5xx: 5} {
		v[m] = sample(float64(c.Status[class]))
	}
	v[RequestLatency] = c.Latency.statistic()
	if span > 0 {
		v[Concurrency] = sample(c.Load / span.Seconds())
		v[Concurrency].Max = max(v[Concurrency].Max, float64(c.Peak))
	}
	return v
}
