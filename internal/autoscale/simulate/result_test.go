package simulate

import (
	"math"
	"slices"
	"time"
)

// result is what came of a run, or of several together.
type result struct {
	requests, refused int
	waiting           int // most requests that waited at a time
	waits             []time.Duration
	instanceSeconds   float64
	overshoot         float64 // instance-seconds beyond what the load of that second needed
	changes           int     // seconds after which there were other instances than before
	sizes             []int   // instances, each second
	loads             []float64
}

// second notes what a second was like.
func (r *result) second(instances int, load float64) {
	needed := math.Max(math.Ceil(load/maxConcurrency), minSize)
	r.overshoot += math.Max(float64(instances)-needed, 0)
	if n := len(r.sizes); n > 0 && r.sizes[n-1] != instances {
		r.changes++
	}
	r.sizes, r.loads = append(r.sizes, instances), append(r.loads, load)
}

func (r *result) sort() { slices.Sort(r.waits) }

// wait returns the time that a share of the requests waited at most.
func (r *result) wait(share float64) time.Duration {
	return r.waits[min(int(share*float64(len(r.waits))), len(r.waits)-1)]
}

// add takes in another run of the same trace.
func (r *result) add(o result) {
	r.requests += o.requests
	r.refused += o.refused
	r.waiting = max(r.waiting, o.waiting)
	r.waits = append(r.waits, o.waits...)
	r.instanceSeconds += o.instanceSeconds
	r.overshoot += o.overshoot
	r.changes += o.changes
	if r.sizes == nil {
		r.sizes, r.loads = o.sizes, o.loads
	}
	r.sort()
}

// comparison is one trace under both policies.
type comparison struct {
	trace            trace
	knative, slipway result
}

// rounds is how often each trace is replayed, with other requests each time.
const rounds = 3

func compare() (all []comparison) {
	for _, t := range traces() {
		c := comparison{trace: t}
		for seed := range uint64(rounds) {
			c.knative.add(run(t, newKnative(), seed))
			c.slipway.add(run(t, newSlipway(), seed))
		}
		all = append(all, c)
	}
	return all
}
