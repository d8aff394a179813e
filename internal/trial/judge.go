package trial

import (
	"fmt"
	"math"
	"time"
)

// What makes a revision worse.
const (
	Chance = 1e-4 // that so much of the failures is not the revision's doing

	fewest       = 20   // requests of each revision that errors are judged by
	fewestFailed = 5    // requests that must have failed
	leastMore    = 0.01 // of the requests, that must have failed more

	fewestTimed = 200 // requests of each revision that latency is judged by
	slower      = 1.5
	doubt       = 3 // standard deviations of a quantile that count against the judgement

	SlowerBy = 50 * time.Millisecond // that latency must have grown by at least
)

// Verdict is what is known of a revision, beside the one before it.
type Verdict struct {
	Worse  bool
	Reason string // one sentence with the numbers of both
}

// Judge compares what a revision answered with what the one before did. Bounds are those of both.
func Judge(before, now Tally, bounds []time.Duration) Verdict {
	switch {
	case before.Requests < fewest || now.Requests < fewest:
		return Verdict{Reason: fmt.Sprintf("%s and %s are too few to compare, %d each are needed.",
			requests(now.Requests, "of it"), requests(before.Requests, "of the revision before"), fewest)}
	case failsMore(before, now):
		return Verdict{true, "It fails more requests than the revision before: " + errors(before, now) + "."}
	}
	low, high, known := latencies(before, now, bounds)
	if known && float64(low) > slower*float64(high) && low-high > SlowerBy {
		return Verdict{true, fmt.Sprintf("It is slower than the revision before: 5 of 100 requests take longer than %s, before %s.",
			now.p95(bounds), before.p95(bounds))}
	}
	reason := "It does no worse than the revision before: " + errors(before, now)
	if known {
		reason += fmt.Sprintf("; 5 of 100 take longer than %s, before %s", now.p95(bounds), before.p95(bounds))
	}
	return Verdict{Reason: reason + "."}
}

func requests(n int64, whose string) string {
	if n == 1 {
		return "1 request " + whose
	}
	return fmt.Sprintf("%d requests %s", n, whose)
}

func errors(before, now Tally) string {
	return fmt.Sprintf("%d of %d failed (%.1f %%), before %d of %d (%.1f %%)",
		now.Failed, now.Requests, 100*now.failed(), before.Failed, before.Requests, 100*before.failed())
}

func (t Tally) p95(bounds []time.Duration) time.Duration {
	return t.Quantile(0.95, 1, bounds).Round(time.Millisecond)
}

func failsMore(before, now Tally) bool {
	return now.Failed >= fewestFailed && now.failed()-before.failed() >= leastMore &&
		tail(before.Requests+now.Requests, before.Failed+now.Failed, now.Requests, now.Failed) < Chance
}

// tail is how likely it is that of n requests, drawn from all of which so many failed, at least k
// failed: the upper tail of the hypergeometric distribution.
func tail(all, failed, n, k int64) float64 {
	sum := 0.0
	for ; k <= min(failed, n); k++ {
		p := math.Exp(choose(failed, k) + choose(all-failed, n-k) - choose(all, n))
		sum += p
		if p < sum*1e-12 {
			break // they only get smaller beyond the mean, where this is asked
		}
	}
	return sum
}

// choose is the logarithm of the binomial coefficient, minus infinity where it is zero.
func choose(n, k int64) float64 {
	if k < 0 || k > n {
		return math.Inf(-1)
	}
	factorial := func(m int64) float64 { l, _ := math.Lgamma(float64(m) + 1); return l }
	return factorial(n) - factorial(k) - factorial(n-k)
}

// latencies returns the least that the p95 of now may be, and the most that of before may be.
func latencies(before, now Tally, bounds []time.Duration) (low, high time.Duration, known bool) {
	was, is := before.timed(), now.timed()
	if was < fewestTimed || is < fewestTimed {
		return 0, 0, false
	}
	return now.Quantile(0.95-margin(is), 1, bounds), before.Quantile(math.Min(0.95+margin(was), 0.999), 1, bounds), true
}

// margin is how far the share of 95 of 100 may be off with n requests.
func margin(n int64) float64 { return doubt * math.Sqrt(0.95*0.05/float64(n)) }
