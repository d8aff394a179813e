package trial

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var bounds = []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second}

// answered are requests of which some failed, each about so long.
func answered(n, failed int64, took time.Duration) Tally {
	t := Tally{Requests: n, Failed: failed, Latency: make([]int64, len(bounds)+1)}
	for i, b := range bounds {
		if took <= b {
			t.Latency[i] = n
			return t
		}
	}
	t.Latency[len(bounds)] = n
	return t
}

func TestJudge(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, tc := range map[string]struct {
		before, now Tally
		worse       bool
		reason      string
	}{
		"nothing to compare with":          {Tally{}, answered(1000, 900, ms), false, "1000 requests of it and 0 requests of the revision before are too few to compare"},
		"no request yet":                   {answered(1000, 0, ms), answered(1, 1, ms), false, "1 request of it and 1000 requests of the revision before are too few"},
		"a third fails":                    {answered(900, 0, ms), answered(60, 20, ms), true, "It fails more requests than the revision before: 20 of 60 failed (33.3 %), before 0 of 900 (0.0 %)."},
		"everything fails, few requests":   {answered(20, 0, ms), answered(20, 20, ms), true, "20 of 20 failed"},
		"four of twenty decide nothing":    {answered(5000, 0, ms), answered(20, 4, ms), false, "no worse"},
		"both fail alike":                  {answered(900, 300, ms), answered(90, 31, ms), false, "no worse"},
		"both fail, the new one much more": {answered(900, 90, ms), answered(100, 30, ms), true, "30 of 100"},
		"a rare error is not more":         {answered(100000, 10, ms), answered(10000, 8, ms), false, "no worse"},
		"a little more of very many":       {answered(1000000, 1000, ms), answered(100000, 1000, ms), false, "no worse"}, // 0.1 % and 1 %: below the difference that matters
		"less":                             {answered(900, 90, ms), answered(900, 9, ms), false, "no worse"},
		"slower":                           {answered(900, 0, 20*ms), answered(300, 0, 200*ms), true, "It is slower than the revision before: 5 of 100 requests take longer than 195ms, before 20ms."},
		"slower, of few requests":          {answered(900, 0, 20*ms), answered(150, 0, 200*ms), false, "no worse"},
		"slower by what nobody notices":    {answered(900, 0, 10*ms), answered(300, 0, 50*ms), false, "no worse"},
		"slower by less than half":         {answered(900, 0, 500*ms), answered(900, 0, 500*ms), false, "5 of 100 take longer than 485ms, before 485ms."},
		"faster":                           {answered(900, 0, 500*ms), answered(900, 0, 10*ms), false, "no worse"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if v := Judge(tc.before, tc.now, bounds); v.Worse != tc.worse || !strings.Contains(v.Reason, tc.reason) {
				t.Errorf("worse %v: %s; want %v: %s", v.Worse, v.Reason, tc.worse, tc.reason)
			}
		})
	}
}

// Whatever the numbers are: more failures of the new revision never make it better, and a revision that
// does exactly as the one before is never worse.
func TestJudgeIsFair(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n, m := rapid.Int64Range(0, 5000).Draw(t, "before"), rapid.Int64Range(0, 5000).Draw(t, "now")
		before := answered(n, rapid.Int64Range(0, n).Draw(t, "failed before"), time.Millisecond)
		failed := rapid.Int64Range(0, m).Draw(t, "failed now")
		less, more := Judge(before, answered(m, failed, 0), bounds), Judge(before, answered(m, rapid.Int64Range(failed, m).Draw(t, "more"), 0), bounds)
		if less.Worse && !more.Worse {
			t.Fatalf("worse: %s; not worse: %s", less.Reason, more.Reason)
		}
		if v := Judge(before, before, bounds); v.Worse || v.Reason == "" {
			t.Fatalf("a revision beside itself: %+v", v)
		}
		if p := tail(n+m, before.Failed+failed, m, failed); p < 0 || p > 1+1e-9 || math.IsNaN(p) {
			t.Fatalf("a likelihood of %v", p)
		}
	})
}

// A revision that is as good as the one before is not rolled back by chance, however often it is asked;
// one that is bad is found out soon.
func TestJudgeOverTime(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	count := func(n int, rate float64) (failed int64) {
		for range n {
			if random.Float64() < rate {
				failed++
			}
		}
		return failed
	}
	// found returns how many of so many trials of 60 looks end, and after how many requests on average.
	found := func(trials int, old, new float64) (share, after float64) {
		for range trials {
			before, now := answered(600, count(600, old), 0), answered(0, 0, 0)
			for range 60 {
				now = now.Plus(answered(10, count(10, new), 0))
				if Judge(before, now, bounds).Worse {
					share++
					after += float64(now.Requests)
					break
				}
			}
		}
		return share / float64(trials), after / max(share, 1)
	}
	for _, rate := range []float64{0, 0.001, 0.01, 0.1, 0.5} {
		if share, _ := found(300, rate, rate); share > 0.005 {
			t.Errorf("both fail %g of requests: %.1f %% are taken for worse", rate, 100*share)
		}
	}
	for _, tc := range []struct{ old, new, most float64 }{{0, 0.33, 40}, {0.01, 0.2, 90}, {0.1, 0.4, 90}, {0, 0.05, 250}} {
		if share, after := found(100, tc.old, tc.new); share < 0.99 || after > tc.most {
			t.Errorf("from %g to %g: %.1f %% are found out, after %.0f requests on average, want %.0f", tc.old, tc.new, 100*share, after, tc.most)
		}
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	bounds := []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 40 * time.Millisecond}
	for want, counts := range map[time.Duration][]int64{
		0:                       {0, 0, 0, 0},
		9500 * time.Microsecond: {100, 0, 0, 0},
		15 * time.Millisecond:   {90, 10, 0, 0},
		39 * time.Millisecond:   {0, 0, 100, 0},
		40 * time.Millisecond:   {0, 0, 0, 100}, // beyond all bounds: at least the last
	} {
		if got := (Tally{Latency: counts}).Quantile(0.95, 1, bounds); got != want {
			t.Errorf("of %v 95 of 100 are under %s, want %s", counts, got, want)
		}
	}
	if got := (Tally{Latency: []int64{9, 0, 0, 0}}).Quantile(0.95, 10, bounds); got != 0 {
		t.Errorf("nine requests tell %s", got)
	}
}
