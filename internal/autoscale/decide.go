package autoscale

import (
	"fmt"
	"math"
	"time"
)

// The defaults of a Spec.
const (
	DefaultStableWindow = time.Minute
	DefaultPeakWindow   = 2 * time.Second
	DefaultStepInterval = 10 * time.Second
)

// Spec is what a service's auto scaling configuration asks for. Zero durations and a zero Target
// mean the defaults.
type Spec struct {
	MinSize        int // least instances; 0 lets an idle service have none
	MaxSize        int // most instances; wins over MinSize
	MaxConcurrency int // requests that one instance takes at a time

	Target       float64       // share of MaxConcurrency to fill before adding instances, in (0, 1]; 1
	PeakWindow   time.Duration // how long a peak asks for instances
	StableWindow time.Duration // how long load must be low before instances go; the Window must span it
	StepInterval time.Duration // between two steps in
}

// State is what decisions remember of a service. It is a value.
type State struct {
	Window Window
	// Scaled is when the last instance was removed on a decision; the caller sets it.
	Scaled time.Time
}

// Decision is how many instances a service needs, and why.
type Decision struct {
	Want   int
	Reason string // one sentence, for an event; says also why nothing changes
	// Next is when instances may be removed if the load stays as it is. It is zero when only
	// another load changes the decision.
	Next time.Time
}

func (s Spec) normalized() Spec {
	s.MaxSize = max(s.MaxSize, 0)
	s.MinSize = min(max(s.MinSize, 0), s.MaxSize)
	s.MaxConcurrency = max(s.MaxConcurrency, 1)
	if s.Target <= 0 || s.Target > 1 {
		s.Target = 1
	}
	if s.PeakWindow <= 0 {
		s.PeakWindow = DefaultPeakWindow
	}
	if s.StableWindow <= 0 {
		s.StableWindow = DefaultStableWindow
	}
	if s.StepInterval <= 0 {
		s.StepInterval = DefaultStepInterval
	}
	return s
}

// needs returns how many instances take so many requests at a time: 34 at 10 each need 4.
func (s Spec) needs(concurrency int) int {
	const rounding = 1e-9 // 0.1 x 30 is a little more than 3
	return int(math.Ceil(float64(concurrency)/(float64(s.MaxConcurrency)*s.Target) - rounding))
}

// Decide returns how many instances the service should have, given that it has current. Count
// as current those that are starting too, or they are asked for twice.
func Decide(now time.Time, state State, spec Spec, current int) Decision {
	spec = spec.normalized()
	switch {
	case current < spec.MinSize:
		return Decision{Want: max(spec.MinSize, out(now, &state.Window, spec)), Reason: fmt.Sprintf(
			"The service has %s and needs at least %d (MinSize).", instances(current), spec.MinSize)}
	case current > spec.MaxSize:
		return Decision{Want: spec.MaxSize, Reason: fmt.Sprintf(
			"The service has %s and may have at most %d (MaxSize).", instances(current), spec.MaxSize)}
	}
	if peak := state.Window.Max(now, spec.PeakWindow); spec.needs(peak) > current {
		return Decision{Want: out(now, &state.Window, spec), Reason: fmt.Sprintf(
			"Concurrency %d exceeds %s x %s.%s", peak, instances(current), perInstance(spec), limited(spec, peak))}
	}
	return in(now, &state, spec, current)
}

// out is what the present load needs, as far as MaxSize allows.
func out(now time.Time, w *Window, spec Spec) int {
	return min(spec.needs(w.Max(now, spec.PeakWindow)), spec.MaxSize)
}

// in decides whether fewer instances are enough.
func in(now time.Time, state *State, spec Spec, current int) Decision {
	peak := state.Window.Max(now, spec.StableWindow)
	enough := min(max(spec.needs(peak), spec.MinSize), spec.MaxSize)
	if enough >= current {
		return Decision{Want: current, Reason: fmt.Sprintf(
			"Concurrency of at most %d in the last %s needs %s.", peak, spec.StableWindow, instances(enough))}
	}
	due := state.Window.covers(now, spec.StableWindow)
	if due.After(now) {
		return Decision{Want: current, Next: due, Reason: fmt.Sprintf(
			"The load of the last %s is not known yet, so no instance is removed.", spec.StableWindow)}
	}
	if due := state.Scaled.Add(spec.StepInterval); due.After(now) {
		return Decision{Want: current, Next: due, Reason: fmt.Sprintf(
			"Instances were removed less than %s ago.", spec.StepInterval)}
	}
	want := max(enough, current-max(1, current/2))
	d := Decision{Want: want, Reason: fmt.Sprintf(
		"Concurrency of at most %d (%.1f on average) in the last %s needs no more than %s, and %d run.",
		peak, state.Window.Average(now, spec.StableWindow), spec.StableWindow, instances(enough), current)}
	if want > enough {
		d.Next = now.Add(spec.StepInterval)
	}
	return d
}

func perInstance(spec Spec) string {
	if spec.Target == 1 {
		return fmt.Sprint(spec.MaxConcurrency)
	}
	return fmt.Sprintf("%g (%g %% of MaxConcurrency %d)",
		float64(spec.MaxConcurrency)*spec.Target, spec.Target*100, spec.MaxConcurrency)
}

// limited says so when MaxSize keeps the service from what it needs.
func limited(spec Spec, peak int) string {
	if need := spec.needs(peak); need > spec.MaxSize {
		return fmt.Sprintf(" It needs %s but may have at most %d (MaxSize).", instances(need), spec.MaxSize)
	}
	return ""
}

func instances(n int) string {
	if n == 1 {
		return "1 instance"
	}
	return fmt.Sprintf("%d instances", n)
}
