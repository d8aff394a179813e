package autoscale

import "time"

// The defaults of a Spec.
const (
	DefaultStableWindow = time.Minute
	DefaultPanicWindow  = 6 * time.Second
	DefaultStepInterval = 10 * time.Second
	DefaultPatience     = 500 * time.Millisecond
	DefaultHeadroom     = 0.2
)

// Spec is what a service asks for: its auto scaling configuration, and drivers by tag. Zero durations
// mean the defaults.
type Spec struct {
	MinSize        int // least instances; 0 lets an idle service have none
	MaxSize        int // most instances; wins over MinSize
	MaxConcurrency int // requests that one instance takes at a time

	CPU    float64       // percent of the reserved CPU that instances shall use; 0 for no such driver
	Memory float64       // percent of the reserved memory, likewise
	Rate   float64       // requests per second of an instance, likewise
	P95    time.Duration // latency that 95 of 100 requests shall stay under, likewise

	// ToZeroAfter is how long there must be no request until the service has no instance, whatever
	// MinSize says; 0 for never.
	ToZeroAfter time.Duration

	StableWindow time.Duration // how long load must be low before instances go; the Window must span it
	PanicWindow  time.Duration // over which drivers other than concurrency are averaged
	StepInterval time.Duration // between two steps in
	Patience     time.Duration // how long requests may wait while instances start
	Headroom     float64       // share of each instance that is to be spare before instances go
}

func (s Spec) normalized() Spec {
	s.MaxSize = max(s.MaxSize, 0)
	s.MinSize = min(max(s.MinSize, 0), s.MaxSize)
	s.MaxConcurrency = max(s.MaxConcurrency, 1)
	s.StableWindow = orDefault(s.StableWindow, DefaultStableWindow)
	s.PanicWindow = orDefault(s.PanicWindow, DefaultPanicWindow)
	s.StepInterval = orDefault(s.StepInterval, DefaultStepInterval)
	s.Patience = orDefault(s.Patience, DefaultPatience)
	if s.Headroom <= 0 || s.Headroom >= 1 {
		s.Headroom = DefaultHeadroom
	}
	return s
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d <= 0 {
		return fallback
	}
	return d
}

// bounded keeps a number of instances within the limits.
func (s Spec) bounded(n int) int { return min(max(n, s.MinSize), s.MaxSize) }

// Measures reports whether a driver needs to know what instances use or how fast they answer.
func (s Spec) Measures() bool { return s.CPU > 0 || s.Memory > 0 || s.Rate > 0 || s.P95 > 0 }
