package autoscale

import (
	"fmt"
	"math"
	"time"
)

// State is what decisions remember of a service. It is a value.
type State struct {
	Window Window
	// Scaled is when the last instance was removed on a decision; the caller sets it.
	Scaled time.Time
	// Begun is when what serves began to; the caller sets it. ToZeroAfter has to pass from then on.
	Begun time.Time
}

// Decision is how many instances a service needs, and why.
type Decision struct {
	Want   int
	Reason string // one sentence, for an event; says also why nothing changes
	// Need is what the load asks for now, which is more than Want beyond MaxSize, and less while
	// instances are kept for what was needed a moment ago.
	Need int
	// Next is when instances may be removed if the load stays as it is. It is zero when only
	// another load changes the decision.
	Next time.Time
}

// Decide returns how many instances the service should have, given that it has current. Count
// as current those that are starting too, or they are asked for twice.
func Decide(now time.Time, state State, spec Spec, current int) Decision {
	spec = spec.normalized()
	need, why := state.outward(now, spec, current)
	switch {
	case current == 0 && need == 0 && spec.ToZeroAfter > 0 && spec.MaxSize > 0:
		return Decision{Reason: "The service has no instance and no request."}
	case current < spec.MinSize:
		return Decision{Want: spec.bounded(need), Need: need, Reason: fmt.Sprintf(
			"The service has %s and needs at least %d (MinSize).%s", plural(current), spec.MinSize, sentence(why, need > spec.MinSize))}
	case current > spec.MaxSize:
		return Decision{Want: spec.MaxSize, Need: need, Reason: fmt.Sprintf(
			"The service has %s and may have at most %d (MaxSize).", plural(current), spec.MaxSize)}
	case need > current:
		return Decision{Want: spec.bounded(need), Need: need, Reason: why + "." + limited(spec, need)}
	}
	if d, ok := zero(now, &state, spec); ok {
		return d
	}
	d := in(now, &state, spec, current)
	d.Need = need
	return d
}

func sentence(why string, told bool) string {
	if !told {
		return ""
	}
	return " " + why + "."
}

// outward is how many instances the load needs at once, and the reason of the driver that says so.
func (s *State) outward(now time.Time, spec Spec, current int) (need int, why string) {
	need, why = s.waiting(now, spec, current)
	last := s.Window.last
	for d, demand := range last.demand() {
		n := spec.needs(Driver(d), demand, 0, max(last.Peak, last.Now))
		if Driver(d) == Latency {
			n = min(n, 2*max(last.Ready, 1)) // how much an instance helps is a guess: step by step
		}
		if n > need {
			need, why = n, spec.explain(Driver(d), demand, last.Ready)
		}
	}
	return need, why
}

// waiting is how many instances the requests need that have one or wait for one. What waits counts for
// as much as it keeps from being served within Patience; while none starts, it is worth one at least.
func (s *State) waiting(now time.Time, spec Spec, current int) (need int, why string) {
	last := s.Window.last
	all := max(last.Peak, last.Now)
	waiting := max(0, all-last.Ready*spec.MaxConcurrency)
	took, share := s.Window.Took(now, spec.PanicWindow), 1.0
	if took > 0 {
		share = math.Min(1, took.Seconds()/spec.Patience.Seconds())
	}
	need = spec.needs(Concurrency, float64(all-waiting)+float64(waiting)*share, 0, all)
	if waiting > 0 && current <= last.Ready {
		need = max(need, current+1)
	}
	switch {
	case waiting == 0:
		why = fmt.Sprintf("%d at a time, %d per instance", all, spec.MaxConcurrency)
	case share < 1:
		why = fmt.Sprintf("%d waiting, %d per instance for %s each", waiting, spec.MaxConcurrency, took.Round(time.Millisecond))
	default:
		why = fmt.Sprintf("%d waiting, %d per instance", waiting, spec.MaxConcurrency)
	}
	return need, why
}

// zero decides whether the service is to have no instance any more.
func zero(now time.Time, state *State, spec Spec) (Decision, bool) {
	due := state.quiet(now, spec)
	if due.IsZero() || due.After(now) {
		return Decision{}, false
	}
	return Decision{Reason: fmt.Sprintf("No request came in the last %s.", period(spec.ToZeroAfter))}, true
}

// quiet is when the service may have no instance any more: zero for never.
func (s *State) quiet(now time.Time, spec Spec) time.Time {
	due, begun := s.Window.quiet(now, spec.ToZeroAfter), s.Begun.Add(spec.ToZeroAfter)
	if !due.IsZero() && begun.After(due) {
		return begun
	}
	return due
}

// in decides whether fewer instances are enough.
func in(now time.Time, state *State, spec Spec, current int) Decision {
	need, why := state.inward(now, spec)
	enough := spec.bounded(need)
	if enough >= current {
		return Decision{Want: current, Next: state.quiet(now, spec), Reason: fmt.Sprintf(
			"The last %s needed %s: %s.", period(spec.StableWindow), plural(enough), why)}
	}
	if due := state.Window.covers(now, spec.StableWindow); due.After(now) {
		return Decision{Want: current, Next: due, Reason: fmt.Sprintf(
			"The load of the last %s is not known yet, so no instance is removed.", period(spec.StableWindow))}
	}
	if due := state.Scaled.Add(spec.StepInterval); due.After(now) {
		return Decision{Want: current, Next: due, Reason: fmt.Sprintf(
			"Instances were removed less than %s ago.", spec.StepInterval)}
	}
	want := max(enough, current-max(1, current/2))
	d := Decision{Want: want, Reason: fmt.Sprintf(
		"The last %s needed no more than %s: %s.", period(spec.StableWindow), plural(enough), why)}
	if want > enough {
		d.Next = now.Add(spec.StepInterval)
	}
	return d
}

// inward is how many instances the busiest moment of the stable window needed, with some to spare.
func (s *State) inward(now time.Time, spec Spec) (need int, why string) {
	why = "there was no request"
	peak := s.Window.Max(now, spec.StableWindow)
	for d := range Driver(drivers) {
		if spec.each(d) <= 0 {
			continue
		}
		demand := s.Window.Demand(now, spec.StableWindow, d)
		if n := spec.needs(d, demand, spec.Headroom, peak); n > need {
			need, why = n, "at most "+spec.explain(d, demand, s.Window.last.Ready)
		}
	}
	return need, why
}

// limited says so when MaxSize keeps the service from what it needs.
func limited(spec Spec, need int) string {
	if need > spec.MaxSize {
		return fmt.Sprintf(" It needs %s but may have at most %d (MaxSize).", plural(need), spec.MaxSize)
	}
	return ""
}
