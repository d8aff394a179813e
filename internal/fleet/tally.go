package fleet

import "time"

// Tally counts requests that have ended. Counts only grow.
type Tally struct {
	Requests int64
	Failed   int64   // answered with a status of 500 or more
	Latency  []int64 // by LatencyBounds, and one count more for what is beyond; upgraded connections are not in it
}

// Tallies are the counts of a service.
type Tallies struct {
	Service   Tally            // refused requests included
	Instances map[string]Tally // by id; one that is gone leaves
	Bounds    []time.Duration  // of Latency
}

// minus is what was counted since before.
func (t Tally) minus(before Tally) Tally {
	d := Tally{Requests: t.Requests - before.Requests, Failed: t.Failed - before.Failed, Latency: make([]int64, len(t.Latency))}
	copy(d.Latency, t.Latency)
	for i := range before.Latency {
		d.Latency[i] -= before.Latency[i]
	}
	return d
}

// plus is both together.
func (t Tally) plus(o Tally) Tally {
	sum := Tally{Requests: t.Requests + o.Requests, Failed: t.Failed + o.Failed, Latency: make([]int64, max(len(t.Latency), len(o.Latency)))}
	copy(sum.Latency, t.Latency)
	for i, n := range o.Latency {
		sum.Latency[i] += n
	}
	return sum
}

// quantile returns the latency that a share of the requests stayed under, in between bounds as if they
// were spread evenly. It is 0 with fewer than least requests.
func (t Tally) quantile(share float64, least int64, bounds []time.Duration) time.Duration {
	var all int64
	for _, n := range t.Latency {
		all += n
	}
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
