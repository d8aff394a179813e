package trial

import "time"

// Tally counts requests that have ended. Counts only grow.
type Tally struct {
	Requests int64
	Failed   int64   // answered with a status of 500 or more, or not at all
	Latency  []int64 // by bounds, and one count more for what is beyond; upgraded connections are not in it
}

// Minus is what was counted since before.
func (t Tally) Minus(before Tally) Tally { return t.combine(before, -1) }

// Plus is both together.
func (t Tally) Plus(other Tally) Tally { return t.combine(other, 1) }

func (t Tally) combine(other Tally, sign int64) Tally {
	sum := Tally{
		Requests: t.Requests + sign*other.Requests, Failed: t.Failed + sign*other.Failed,
		Latency: make([]int64, max(len(t.Latency), len(other.Latency))),
	}
	copy(sum.Latency, t.Latency)
	for i, n := range other.Latency {
		sum.Latency[i] += sign * n
	}
	return sum
}

// timed is how many requests have a latency.
func (t Tally) timed() (all int64) {
	for _, n := range t.Latency {
		all += n
	}
	return all
}

// Quantile returns the latency that a share of the requests stayed under, in between bounds as if they
// were spread evenly. It is 0 with fewer than least requests.
func (t Tally) Quantile(share float64, least int64, bounds []time.Duration) time.Duration {
	all := t.timed()
	if all < max(least, 1) {
		return 0
	}
	rank := share * float64(all)
	low := time.Duration(0)
	for i, n := range t.Latency {
		if i == len(bounds) {
			break
		}
		if float64(n) >= rank {
			return low + time.Duration(rank/float64(n)*float64(bounds[i]-low))
		}
		rank -= float64(n)
		low = bounds[i]
	}
	return low
}

// failed is the share of requests that failed.
func (t Tally) failed() float64 { return float64(t.Failed) / float64(max(t.Requests, 1)) }
