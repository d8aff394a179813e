package metrics

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func of(durations ...time.Duration) Statistic {
	d := Durations{}
	for _, took := range durations {
		d.Count++
		d.Sum += took
		i, _ := slices.BinarySearch(Bounds[:], took)
		d.Buckets[i]++
		if d.Shortest == 0 || took < d.Shortest {
			d.Shortest = took
		}
		d.Longest = max(d.Longest, took)
	}
	return d.statistic()
}

func TestPercentiles(t *testing.T) {
	ms := time.Millisecond
	for name, c := range map[string]struct {
		s          Statistic
		percentile float64
		want       float64
		ok         bool
	}{
		"nothing known":           {Statistic{}, 95, 0, false},
		"no buckets":              {sample(7), 95, 0, false},
		"one":                     {of(7 * ms), 95, 7, true},
		"all the same":            {of(7*ms, 7*ms, 7*ms), 50, 7, true},
		"the lowest":              {of(7*ms, 70*ms, 700*ms), 0, 7, true},
		"the highest":             {of(7*ms, 70*ms, 700*ms), 100, 700, true},
		"beyond the last bound":   {of(7*ms, 200*time.Second), 100, 200_000, true},
		"within the last bucket":  {of(ms, 150*time.Second, 200*time.Second), 99, 200_000 - 80_000*0.015, true},
		"between the two of them": {of(7*ms, 700*ms), 50, 8, true},
	} {
		got, ok := c.s.Percentile(c.percentile)
		if ok != c.ok || math.Abs(got-c.want) > 0.001 {
			t.Errorf("%s: got %v, %v; want %v, %v", name, got, ok, c.want, c.ok)
		}
	}
}

func TestPercentilesAreCloseToExactOnes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	all := make([]time.Duration, 10_000)
	for i := range all {
		all[i] = time.Duration(float64(20*time.Millisecond) * math.Exp(random.NormFloat64()))
	}
	s := of(all...)
	slices.Sort(all)
	for _, p := range []float64{50, 90, 95, 99} {
		exact := milliseconds(all[int(p/100*float64(len(all)))-1])
		if got, _ := s.Percentile(p); math.Abs(got-exact) > 0.05*exact {
			t.Errorf("p%v is %.2f ms, exactly %.2f ms", p, got, exact)
		}
	}
}

func TestStatisticsAddUp(t *testing.T) {
	s := sample(3)
	s.add(Statistic{})
	s.add(sample(1))
	s.add(sample(8))
	if s.Count != 3 || s.Sum != 12 || s.Min != 1 || s.Max != 8 || s.Average() != 4 {
		t.Errorf("got %+v", s)
	}
	s = sample(3)
	s.more(sample(4)) // of the same minute
	if s != sample(7) {
		t.Errorf("a counter in two parts is %+v, want 7 once", s)
	}
}

func TestWithin(t *testing.T) {
	s := of(time.Millisecond, 2*time.Millisecond, 3*time.Second, time.Hour)
	for bound, want := range map[time.Duration]int64{100 * time.Microsecond: 0, time.Millisecond: 1, time.Second: 2, 2 * time.Minute: 3} {
		if got := s.Buckets.Within(bound); got != want {
			t.Errorf("%d within %v, want %d", got, bound, want)
		}
	}
}
