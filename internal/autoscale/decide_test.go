package autoscale

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var start = time.Date(2026, 4, 30, 12, 0, 0, 0, time.UTC)

// phase is a load that stays the same for a while, sampled each second.
type phase struct {
	seconds int
	load    int
}

// history samples the phases up to start.
func history(spec Spec, phases ...phase) State {
	total := 0
	for _, p := range phases {
		total += p.seconds
	}
	state := State{Window: NewWindow(spec.normalized().StableWindow)}
	at := start.Add(-time.Duration(total) * time.Second)
	for _, p := range phases {
		for range p.seconds {
			at = at.Add(time.Second)
			state.Window.Add(Sample{Time: at, Now: p.load, Peak: p.load, Average: float64(p.load)})
		}
	}
	return state
}

func TestDecide(t *testing.T) {
	spec := Spec{MinSize: 1, MaxSize: 25, MaxConcurrency: 10}
	for name, tc := range map[string]struct {
		spec    Spec
		phases  []phase
		scaled  time.Time
		current int
		want    Decision
	}{
		"load above the limit adds instances at once": {
			spec: spec, phases: []phase{{1, 34}}, current: 2,
			want: Decision{Want: 4, Reason: "Concurrency 34 exceeds 2 instances x 10."},
		},
		"load at the limit is no reason to scale out": {
			spec: spec, phases: []phase{{120, 20}}, current: 2,
			want: Decision{Want: 2, Reason: "Concurrency of at most 20 in the last 1m0s needs 2 instances."},
		},
		"one request above the limit is": {
			spec: spec, phases: []phase{{120, 20}, {1, 21}}, current: 2,
			want: Decision{Want: 3, Reason: "Concurrency 21 exceeds 2 instances x 10."},
		},
		"never above MaxSize, and says so": {
			spec: Spec{MinSize: 1, MaxSize: 3, MaxConcurrency: 10}, phases: []phase{{1, 99}}, current: 3,
			want: Decision{Want: 3, Reason: "Concurrency 99 exceeds 3 instances x 10. It needs 10 instances but may have at most 3 (MaxSize)."},
		},
		"a target below MaxConcurrency scales out earlier": {
			spec: Spec{MinSize: 1, MaxSize: 9, MaxConcurrency: 10, Target: 0.7}, phases: []phase{{1, 21}}, current: 2,
			want: Decision{Want: 3, Reason: "Concurrency 21 exceeds 2 instances x 7 (70 % of MaxConcurrency 10)."},
		},
		"fewer than MinSize": {
			spec: Spec{MinSize: 3, MaxSize: 9, MaxConcurrency: 10}, current: 1,
			want: Decision{Want: 3, Reason: "The service has 1 instance and needs at least 3 (MinSize)."},
		},
		"more than MaxSize needs no history": {
			spec: Spec{MinSize: 1, MaxSize: 2, MaxConcurrency: 10}, current: 5,
			want: Decision{Want: 2, Reason: "The service has 5 instances and may have at most 2 (MaxSize)."},
		},
		"after a restart nothing is removed": {
			spec: spec, phases: []phase{{30, 0}}, current: 8,
			want: Decision{Want: 8, Next: start.Add(31 * time.Second),
				Reason: "The load of the last 1m0s is not known yet, so no instance is removed."},
		},
		"without any history nothing is removed": {
			spec: spec, current: 8,
			want: Decision{Want: 8, Next: start.Add(time.Minute),
				Reason: "The load of the last 1m0s is not known yet, so no instance is removed."},
		},
		"idleness removes half": {
			spec: spec, phases: []phase{{90, 0}}, current: 8,
			want: Decision{Want: 4, Next: start.Add(10 * time.Second),
				Reason: "Concurrency of at most 0 (0.0 on average) in the last 1m0s needs no more than 1 instance, and 8 run."},
		},
		"what the peak of the window needed stays": {
			spec: spec, phases: []phase{{60, 0}, {1, 65}, {40, 1}}, current: 8,
			want: Decision{Want: 7,
				Reason: "Concurrency of at most 65 (1.7 on average) in the last 1m0s needs no more than 7 instances, and 8 run."},
		},
		"steps are apart": {
			spec: spec, phases: []phase{{90, 0}}, scaled: start.Add(-4 * time.Second), current: 4,
			want: Decision{Want: 4, Next: start.Add(6 * time.Second), Reason: "Instances were removed less than 10s ago."},
		},
		"down to none when MinSize allows": {
			spec: Spec{MaxSize: 3, MaxConcurrency: 10}, phases: []phase{{90, 0}}, current: 1,
			want: Decision{Want: 0,
				Reason: "Concurrency of at most 0 (0.0 on average) in the last 1m0s needs no more than 0 instances, and 1 run."},
		},
		"back from none with the first request": {
			spec: Spec{MaxSize: 3, MaxConcurrency: 10}, phases: []phase{{90, 0}, {1, 1}}, current: 0,
			want: Decision{Want: 1, Reason: "Concurrency 1 exceeds 0 instances x 10."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			state := history(tc.spec, tc.phases...)
			state.Scaled = tc.scaled
			if diff := cmp.Diff(tc.want, Decide(start, state, tc.spec, tc.current)); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGapInSamplesHoldsInstances(t *testing.T) {
	spec := Spec{MinSize: 1, MaxSize: 25, MaxConcurrency: 10}
	state := history(spec, phase{120, 0})
	later := start.Add(30 * time.Second) // the sampler stood still
	if d := Decide(later, state, spec, 4); d.Want != 4 {
		t.Errorf("without samples for 30 s: want %d instances, not 4: %s", d.Want, d.Reason)
	}
	state.Window.Add(Sample{Time: later})
	if d := Decide(later, state, spec, 4); d.Want != 4 || !d.Next.Equal(later.Add(time.Minute)) {
		t.Errorf("after the gap: want %d instances, next %s: %s", d.Want, d.Next, d.Reason)
	}
}

func TestScaleInIsGradual(t *testing.T) {
	spec := Spec{MinSize: 1, MaxSize: 25, MaxConcurrency: 10}
	got := simulate(spec, 25, []phase{{30, 250}, {200, 0}}, time.Second)
	if diff := cmp.Diff([]int{25, 13, 7, 4, 2, 1}, got); diff != "" {
		t.Errorf("sizes (-want +got):\n%s", diff)
	}
}

// simulate runs decisions over the phases and returns the sizes that the service had.
func simulate(spec Spec, current int, phases []phase, tick time.Duration) []int {
	state := State{Window: NewWindow(spec.normalized().StableWindow)}
	sizes := []int{current}
	at := start
	for _, p := range phases {
		for end := at.Add(time.Duration(p.seconds) * time.Second); at.Before(end); {
			at = at.Add(tick)
			state.Window.Add(Sample{Time: at, Now: p.load, Peak: p.load, Average: float64(p.load)})
			d := Decide(at, state, spec, current)
			if d.Want < current {
				state.Scaled = at
			}
			if d.Want != current {
				current = d.Want
				sizes = append(sizes, current)
			}
		}
	}
	return sizes
}

func drawSpec(t *rapid.T) Spec {
	least := rapid.IntRange(0, 25).Draw(t, "min")
	return Spec{
		MinSize:        least,
		MaxSize:        rapid.IntRange(max(least, 1), 40).Draw(t, "max"),
		MaxConcurrency: rapid.IntRange(1, 200).Draw(t, "concurrency"),
		Target:         rapid.SampledFrom([]float64{0, 0.5, 0.7, 1}).Draw(t, "target"),
	}
}

func drawPhases(t *rapid.T) []phase {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) phase {
		return phase{rapid.IntRange(0, 100).Draw(t, "seconds"), rapid.IntRange(0, 4000).Draw(t, "load")}
	}), 0, 6).Draw(t, "phases")
}

func TestDecideStaysWithinLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		state := history(spec, drawPhases(t)...)
		current := rapid.IntRange(0, 60).Draw(t, "current")
		d := Decide(start, state, spec, current)
		if d.Want < spec.MinSize || d.Want > spec.MaxSize {
			t.Fatalf("want %d, outside of %d to %d", d.Want, spec.MinSize, spec.MaxSize)
		}
		if d.Reason == "" {
			t.Fatal("no reason given")
		}
		if current <= spec.MaxSize && d.Want < current-max(1, current/2) {
			t.Fatalf("from %d to %d in one step", current, d.Want)
		}
		if peak := state.Window.Max(start, DefaultPeakWindow); d.Want < min(spec.normalized().needs(peak), spec.MaxSize) {
			t.Fatalf("want %d for a load of %d: %s", d.Want, peak, d.Reason)
		}
	})
}

func TestDecideIsMonotoneInLoad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		phases := drawPhases(t)
		current := rapid.IntRange(0, 40).Draw(t, "current")
		less := Decide(start, history(spec, phases...), spec, current)
		more := rapid.IntRange(0, 500).Draw(t, "more")
		for i := range phases {
			phases[i].load += more
		}
		if d := Decide(start, history(spec, phases...), spec, current); d.Want < less.Want {
			t.Fatalf("more load, fewer instances: %d after %d", d.Want, less.Want)
		}
	})
}

func TestConstantLoadSettlesAndNeverFlaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		load := rapid.IntRange(0, 4000).Draw(t, "load")
		tick := time.Duration(rapid.IntRange(200, 3000).Draw(t, "tick")) * time.Millisecond
		current := rapid.IntRange(0, 40).Draw(t, "current")
		sizes := simulate(spec, current, []phase{{180, load}}, tick)
		end := min(max(spec.normalized().needs(load), spec.MinSize), spec.MaxSize)
		if got := sizes[len(sizes)-1]; got != end {
			t.Fatalf("settled at %d, want %d: %v", got, end, sizes)
		}
		for i := 2; i < len(sizes); i++ {
			if (sizes[i] > sizes[i-1]) != (sizes[1] > sizes[0]) {
				t.Fatalf("went back and forth: %v", sizes)
			}
		}
	})
}

func TestWindowAgreesWithAllSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		span := time.Duration(rapid.IntRange(10, 600).Draw(t, "span")) * time.Second
		w := NewWindow(span)
		var all []Sample
		at := start
		for range rapid.IntRange(1, 200).Draw(t, "samples") {
			at = at.Add(time.Duration(rapid.IntRange(0, 9000).Draw(t, "gap")) * time.Millisecond)
			s := Sample{Time: at, Peak: rapid.IntRange(0, 100).Draw(t, "peak")}
			all = append(all, s)
			w.Add(s)
		}
		d := time.Duration(rapid.IntRange(0, int(span/time.Millisecond)).Draw(t, "over")) * time.Millisecond
		inside, around := 0, 0
		for _, s := range all {
			if age := at.Sub(s.Time); age <= d {
				inside = max(inside, s.Peak)
			}
			if age := at.Sub(s.Time); age <= d+span/60 {
				around = max(around, s.Peak)
			}
		}
		if got := w.Max(at, d); got < inside || got > around {
			t.Fatalf("max over %s is %d, want %d to %d", d, got, inside, around)
		}
	})
}

func TestWindowIgnoresLateSamples(t *testing.T) {
	w := NewWindow(time.Minute)
	w.Add(Sample{Time: start, Peak: 1})
	w.Add(Sample{Time: start.Add(-time.Second), Peak: 9})
	if got := w.Max(start, time.Minute); got != 1 {
		t.Errorf("max is %d, want 1", got)
	}
}

func TestAverageIsWeightedByTime(t *testing.T) {
	w := NewWindow(time.Minute)
	w.Add(Sample{Time: start})
	w.Add(Sample{Time: start.Add(1 * time.Second), Average: 9})
	w.Add(Sample{Time: start.Add(4 * time.Second), Average: 1})
	if got := w.Average(start.Add(4*time.Second), time.Minute); got != 3 {
		t.Errorf("average is %v, want (9 x 1 s + 1 x 3 s) / 4 s = 3", got)
	}
}

func BenchmarkDecide(b *testing.B) {
	spec := Spec{MinSize: 1, MaxSize: 25, MaxConcurrency: 10}
	state := history(spec, phase{120, 20})
	for b.Loop() {
		Decide(start, state, spec, 2)
	}
}
