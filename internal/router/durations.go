package router

import (
	"slices"
	"time"
)

// LatencyBounds are the upper bounds of the buckets of Durations: ten in each power of ten, 1, 1.25,
// 1.5, 2, 2.5, 3, 4, 5, 6 and 8, from 0.1 ms to 100 s, and two minutes, the longest that App Runner lets
// a request take. What lies between two bounds is known to a quarter of its value.
var LatencyBounds = latencyBounds()

func latencyBounds() (bounds [62]time.Duration) {
	i := 0
	for unit := 100 * time.Microsecond; unit < 100*time.Second; unit *= 10 {
		for _, percent := range []int{100, 125, 150, 200, 250, 300, 400, 500, 600, 800} {
			bounds[i] = unit * time.Duration(percent) / 100
			i++
		}
	}
	bounds[i], bounds[i+1] = 100*time.Second, 2*time.Minute
	return bounds
}

// Durations counts durations by how long they were. Counts and Sum only grow.
type Durations struct {
	Count   int64
	Sum     time.Duration
	Buckets [len(LatencyBounds) + 1]int64 // by LatencyBounds; the last is beyond them

	// Shortest and Longest are those since the previous Collect; 0 when there was none.
	Shortest, Longest time.Duration
}

func (d *Durations) add(took time.Duration) {
	if d.Shortest == 0 || took < d.Shortest {
		d.Shortest = max(took, 1)
	}
	d.Longest = max(d.Longest, took, 1)
	d.Count++
	d.Sum += took
	i, _ := slices.BinarySearch(LatencyBounds[:], took)
	d.Buckets[i]++
}

func (d *Durations) restart() { d.Shortest, d.Longest = 0, 0 }
