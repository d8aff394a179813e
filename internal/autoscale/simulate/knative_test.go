package simulate

import (
	"math"
	"time"
)

// knative decides as Knative documents its autoscaler: the average over a stable window against a
// target below the limit, and over a short one when that shows panic.
// Source: knative.dev, "Configuring concurrency", "Additional autoscaling configuration".
type knative struct {
	target float64 // requests per instance: 70 % of the limit
	delay  time.Duration

	seconds []float64 // average concurrency, each second, the newest last
	panic   time.Duration
	most    int // instances since panic began
	wanted  []int
}

const (
	stableSeconds  = 60
	panicSeconds   = 6
	panicThreshold = 2
	maxUp, maxDown = 1000, 2
)

func newKnative() *knative { return &knative{target: 0.7 * maxConcurrency, panic: -1} }

func (k *knative) name() string         { return "Knative" }
func (k *knative) every() time.Duration { return 2 * time.Second }
func (k *knative) urgent() bool         { return false }

func (k *knative) average(n int) float64 {
	recent := k.seconds[max(0, len(k.seconds)-n):]
	sum := 0.0
	for _, s := range recent {
		sum += s
	}
	return sum / float64(len(recent))
}

func (k *knative) decide(d demand, current int) int {
	k.seconds = append(k.seconds, d.average, d.average) // two seconds since the last look
	ready := float64(max(d.ready, 1))
	most, least := math.Ceil(maxUp*ready), math.Floor(ready/maxDown)
	bounded := func(average float64) int {
		return int(math.Min(math.Max(math.Ceil(average/k.target), least), most))
	}
	stable, panicked := bounded(k.average(stableSeconds)), bounded(k.average(panicSeconds))
	over := float64(panicked)/ready >= panicThreshold
	switch {
	case k.panic < 0 && over:
		k.panic, k.most = d.now, 0
	case k.panic >= 0 && over:
		k.panic = d.now
	case k.panic >= 0 && d.now-k.panic > stableSeconds*time.Second:
		k.panic, k.most = -1, 0
	}
	want := stable
	if k.panic >= 0 {
		k.most = max(k.most, stable, panicked)
		want = k.most
	}
	k.wanted = append(k.wanted, want)
	last := k.wanted[max(0, len(k.wanted)-1-int(k.delay/k.every())):]
	for _, n := range last {
		want = max(want, n)
	}
	return want
}
