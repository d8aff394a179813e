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

// history samples the phases up to start, of a service with so many instances.
func history(spec Spec, ready int, phases ...phase) State {
	total := 0
	for _, p := range phases {
		total += p.seconds
	}
	state := State{Window: NewWindow(spec.normalized().StableWindow)}
	at := start.Add(-time.Duration(total) * time.Second)
	for _, p := range phases {
		for range p.seconds {
			at = at.Add(time.Second)
			state.Window.Add(sampled(at, p.load, ready))
		}
	}
	return state
}

func sampled(at time.Time, load, ready int) Sample {
	return Sample{Time: at, Now: load, Peak: load, Average: float64(load), Ready: ready}
}

// full is a sample of so many requests that fill so many instances of the spec.
func full(spec Spec, at time.Time, requests, ready int, took time.Duration) Sample {
	busy := min(requests, ready*spec.MaxConcurrency)
	s := Sample{Time: at, Now: requests, Peak: requests, Average: float64(requests), Busy: float64(busy), Ready: ready}
	if took > 0 {
		s.Done = int(float64(busy) / took.Seconds()) // in one second
	}
	return s
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
			want: Decision{Want: 4, Need: 4, Reason: "14 waiting, 10 per instance."},
		},
		"load at the limit is no reason to scale out": {
			spec: spec, phases: []phase{{120, 20}}, current: 2,
			want: Decision{Want: 2, Need: 2, Reason: "The last minute needed 3 instances: at most 20 requests at a time, 10 per instance."},
		},
		"one request above the limit is": {
			spec: spec, phases: []phase{{120, 20}, {1, 21}}, current: 2,
			want: Decision{Want: 3, Need: 3, Reason: "1 waiting, 10 per instance."},
		},
		"never above MaxSize, and says so": {
			spec: Spec{MinSize: 1, MaxSize: 3, MaxConcurrency: 10}, phases: []phase{{1, 99}}, current: 3,
			want: Decision{Want: 3, Need: 10, Reason: "69 waiting, 10 per instance. It needs 10 instances but may have at most 3 (MaxSize)."},
		},
		"fewer than MinSize": {
			spec: Spec{MinSize: 3, MaxSize: 9, MaxConcurrency: 10}, current: 1,
			want: Decision{Want: 3, Reason: "The service has 1 instance and needs at least 3 (MinSize)."},
		},
		"fewer than MinSize under load": {
			spec: Spec{MinSize: 3, MaxSize: 9, MaxConcurrency: 10}, phases: []phase{{1, 64}}, current: 1,
			want: Decision{Want: 7, Need: 7, Reason: "The service has 1 instance and needs at least 3 (MinSize). 54 waiting, 10 per instance."},
		},
		"more than MaxSize needs no history": {
			spec: Spec{MinSize: 1, MaxSize: 2, MaxConcurrency: 10}, current: 5,
			want: Decision{Want: 2, Reason: "The service has 5 instances and may have at most 2 (MaxSize)."},
		},
		"after a restart nothing is removed": {
			spec: spec, phases: []phase{{30, 0}}, current: 8,
			want: Decision{Want: 8, Next: start.Add(31 * time.Second),
				Reason: "The load of the last minute is not known yet, so no instance is removed."},
		},
		"without any history nothing is removed": {
			spec: spec, current: 8,
			want: Decision{Want: 8, Next: start.Add(time.Minute),
				Reason: "The load of the last minute is not known yet, so no instance is removed."},
		},
		"idleness removes half": {
			spec: spec, phases: []phase{{90, 0}}, current: 8,
			want: Decision{Want: 4, Next: start.Add(10 * time.Second),
				Reason: "The last minute needed no more than 1 instance: there was no request."},
		},
		"what the busiest second of the window needed stays, and a fifth to spare": {
			spec: spec, phases: []phase{{60, 0}, {1, 65}, {40, 1}}, current: 10,
			want: Decision{Want: 9, Need: 1,
				Reason: "The last minute needed no more than 9 instances: at most 65 requests at a time, 10 per instance."},
		},
		"steps are apart": {
			spec: spec, phases: []phase{{90, 0}}, scaled: start.Add(-4 * time.Second), current: 4,
			want: Decision{Want: 4, Next: start.Add(6 * time.Second), Reason: "Instances were removed less than 10s ago."},
		},
		"down to none when MinSize allows": {
			spec: Spec{MaxSize: 3, MaxConcurrency: 10}, phases: []phase{{90, 0}}, current: 1,
			want: Decision{Want: 0, Reason: "The last minute needed no more than 0 instances: there was no request."},
		},
		"back from none with the first request": {
			spec: Spec{MaxSize: 3, MaxConcurrency: 10}, phases: []phase{{90, 0}, {1, 1}}, current: 0,
			want: Decision{Want: 1, Need: 1, Reason: "1 waiting, 10 per instance."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			state := history(tc.spec, tc.current, tc.phases...)
			state.Scaled = tc.scaled
			if diff := cmp.Diff(tc.want, Decide(start, state, tc.spec, tc.current)); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
		})
	}
}

// What waits counts for as much as it keeps from being served within Patience.
func TestDecideByHowLongRequestsTake(t *testing.T) {
	spec := Spec{MinSize: 1, MaxSize: 25, MaxConcurrency: 10}
	for name, tc := range map[string]struct {
		took           time.Duration
		ready, current int
		want           int
		reason         string
	}{
		"long ones need a place each":              {10 * time.Second, 2, 2, 10, "80 waiting, 10 per instance."},
		"as long as patience, too":                 {500 * time.Millisecond, 2, 2, 10, "80 waiting, 10 per instance."},
		"short ones need fewer":                    {125 * time.Millisecond, 2, 2, 4, "80 waiting, 10 per instance for 125ms each."},
		"one instance more at least":               {time.Millisecond, 2, 2, 3, "80 waiting, 10 per instance for 1ms each."},
		"one that starts is the one more":          {time.Millisecond, 2, 3, 3, ""},
		"of more that start those have their turn": {125 * time.Millisecond, 2, 4, 4, ""},
	} {
		t.Run(name, func(t *testing.T) {
			state := State{Window: NewWindow(time.Minute)}
			for i := range 6 {
				state.Window.Add(full(spec, start.Add(time.Duration(i-5)*time.Second), 100, tc.ready, tc.took))
			}
			d := Decide(start, state, spec, tc.current)
			if d.Want != tc.want || (tc.reason != "" && d.Reason != tc.reason) {
				t.Errorf("want %d: %s; expected %d: %s", d.Want, d.Reason, tc.want, tc.reason)
			}
		})
	}
}

func TestDrivers(t *testing.T) {
	spec := Spec{MinSize: 1, MaxSize: 25, MaxConcurrency: 100, CPU: 70, Memory: 80, Rate: 50, P95: 400 * time.Millisecond}
	for name, tc := range map[string]struct {
		usage  Usage
		peak   int
		want   int
		reason string
	}{
		"nothing asks for more":              {Usage{CPU: 1.4, Memory: 1.6, Rate: 100, P95: 400 * time.Millisecond}, 20, 2, ""},
		"CPU":                                {Usage{CPU: 1.9}, 20, 3, "CPU at 95 % of 2 instances, 70 % wanted."},
		"memory":                             {Usage{Memory: 1.7}, 20, 3, "memory at 85 % of 2 instances, 80 % wanted."},
		"requests per second":                {Usage{Rate: 310}, 20, 7, "310 requests a second, 50 per instance."},
		"latency":                            {Usage{P95: 500 * time.Millisecond}, 20, 3, "p95 latency 500ms, 400ms wanted."},
		"latency, step by step":              {Usage{P95: 9 * time.Second}, 20, 4, "p95 latency 9s, 400ms wanted."},
		"latency that instances cannot help": {Usage{P95: 9 * time.Second}, 1, 2, ""},
		"the one that needs the most":        {Usage{CPU: 1.9, Rate: 310, Memory: 1.7}, 20, 7, "310 requests a second, 50 per instance."},
	} {
		t.Run(name, func(t *testing.T) {
			state := State{Window: NewWindow(time.Minute)}
			state.Window.Add(Sample{Time: start, Now: tc.peak, Peak: tc.peak, Ready: 2, Usage: tc.usage})
			d := Decide(start, state, spec, 2)
			if d.Want != tc.want || (tc.reason != "" && d.Reason != tc.reason) {
				t.Errorf("want %d: %s; expected %d: %s", d.Want, d.Reason, tc.want, tc.reason)
			}
		})
	}
}

func TestNumbersAreForPeople(t *testing.T) {
	t.Parallel()
	spec := Spec{MaxConcurrency: 100, Rate: 1_000_000}
	for name, c := range map[string]struct {
		driver Driver
		demand float64
		want   string
	}{
		"a request now and then":           {Concurrency, 0.011470123, "0.0115 requests at a time, 100 per instance"},
		"one all the time":                 {Concurrency, 0.99999, "1 request at a time, 100 per instance"},
		"some":                             {Concurrency, 3, "3 requests at a time, 100 per instance"},
		"what is after the point counts":   {Concurrency, 12.3456, "12.3 requests at a time, 100 per instance"},
		"many are whole":                   {Concurrency, 1234.5678, "1235 requests at a time, 100 per instance"},
		"the rate, and no number as 1e+06": {Rate, 2_000_000, "2000000 requests a second, 1000000 per instance"},
		"none":                             {Rate, 0, "0 requests a second, 1000000 per instance"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := spec.explain(c.driver, c.demand, 1); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A driver keeps instances for as long as its busiest moment is within the window.
func TestDriversHoldInstances(t *testing.T) {
	spec := Spec{MinSize: 1, MaxSize: 25, MaxConcurrency: 100, CPU: 50}
	state := State{Window: NewWindow(time.Minute)}
	at := start
	for i := range 121 {
		usage := Usage{CPU: 0.1}
		if i < 50 {
			usage.CPU = 2
		}
		at = at.Add(time.Second)
		state.Window.Add(Sample{Time: at, Ready: 5, Usage: usage})
		d := Decide(at, state, spec, 5)
		if i >= 61 && i < 109 && d.Want != 5 {
			t.Fatalf("%d s after the CPU fell: %d instances: %s", i-50, d.Want, d.Reason)
		}
		if i > 111 && d.Want != 3 {
			t.Fatalf("%d s after the CPU fell: %d instances: %s", i-50, d.Want, d.Reason)
		}
	}
}

func TestScaleToZero(t *testing.T) {
	spec := Spec{MinSize: 2, MaxSize: 25, MaxConcurrency: 10, ToZeroAfter: 5 * time.Minute}
	for name, tc := range map[string]struct {
		spec    Spec
		phases  []phase
		current int
		want    Decision
	}{
		"not before the time has passed": {spec, []phase{{10, 3}, {200, 0}}, 2, Decision{Want: 2, Next: start.Add(101 * time.Second),
			Reason: "The last minute needed 2 instances: there was no request."}},
		"then at once, below MinSize":        {spec, []phase{{10, 3}, {301, 0}}, 2, Decision{Reason: "No request came in the last 5 minutes."}},
		"stays there":                        {spec, []phase{{10, 3}, {400, 0}}, 0, Decision{Reason: "The service has no instance and no request."}},
		"also after a restart":               {spec, []phase{{1, 0}}, 0, Decision{Reason: "The service has no instance and no request."}},
		"a restart begins the time anew":     {spec, []phase{{200, 0}}, 2, Decision{Want: 2, Next: start.Add(101 * time.Second), Reason: "The last minute needed 2 instances: there was no request."}},
		"a request wakes MinSize":            {spec, []phase{{400, 0}, {1, 1}}, 0, Decision{Want: 2, Need: 1, Reason: "The service has 0 instances and needs at least 2 (MinSize)."}},
		"many requests wake more":            {spec, []phase{{400, 0}, {1, 43}}, 0, Decision{Want: 5, Need: 5, Reason: "The service has 0 instances and needs at least 2 (MinSize). 43 waiting, 10 per instance."}},
		"without the option MinSize returns": {Spec{MinSize: 2, MaxSize: 25, MaxConcurrency: 10}, []phase{{400, 0}}, 0, Decision{Want: 2, Reason: "The service has 0 instances and needs at least 2 (MinSize)."}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Decide(start, history(tc.spec, tc.current, tc.phases...), tc.spec, tc.current)); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGapInSamplesHoldsInstances(t *testing.T) {
	spec := Spec{MinSize: 1, MaxSize: 25, MaxConcurrency: 10}
	state := history(spec, 4, phase{120, 0})
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
			state.Window.Add(sampled(at, p.load, current))
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
		Headroom:       rapid.SampledFrom([]float64{0, 0.1, 0.3}).Draw(t, "headroom"),
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
		current := rapid.IntRange(0, 60).Draw(t, "current")
		state := history(spec, current, drawPhases(t)...)
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
		load := state.Window.last.Now
		if needs := spec.normalized().needs(Concurrency, float64(load), 0, load); d.Want < min(needs, spec.MaxSize) {
			t.Fatalf("want %d for a load of %d: %s", d.Want, load, d.Reason)
		}
	})
}

func TestDecideIsMonotoneInLoad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		phases := drawPhases(t)
		current := rapid.IntRange(0, 40).Draw(t, "current")
		less := Decide(start, history(spec, current, phases...), spec, current)
		more := rapid.IntRange(0, 500).Draw(t, "more")
		for i := range phases {
			phases[i].load += more
		}
		if d := Decide(start, history(spec, current, phases...), spec, current); d.Want < less.Want {
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
		spec = spec.normalized()
		least := spec.bounded(spec.needs(Concurrency, float64(load), 0, load))
		most := max(least, min(current, spec.bounded(spec.needs(Concurrency, float64(load), spec.Headroom, load))))
		if got := sizes[len(sizes)-1]; got < least || got > most {
			t.Fatalf("settled at %d, want %d to %d: %v", got, least, most, sizes)
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
	state := history(spec, 2, phase{120, 20})
	for b.Loop() {
		Decide(start, state, spec, 2)
	}
}

func TestPeriod(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Second: "second", 90 * time.Second: "90 seconds", time.Minute: "minute", 10 * time.Minute: "10 minutes",
		time.Hour: "hour", 36 * time.Hour: "36 hours", 1500 * time.Millisecond: "1.5s", 0: "0s",
	} {
		if got := period(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
