package autoscale

import "time"

// buckets is how finely a window remembers: its span is divided by one less, so that the span is
// covered also while the newest bucket is still filling.
const buckets = 61

// maxGap is the longest time without a sample that still counts as history.
const maxGap = 10 * time.Second

// Sample is the concurrency of a service over the time since the previous sample. Requests that
// wait for an instance count like those that have one.
type Sample struct {
	Time    time.Time
	Now     int     // requests at this moment
	Peak    int     // most requests at a time since the previous sample
	Average float64 // weighted by time, since the previous sample
}

// Window is the recent history of a service's concurrency. It is a value: a copy is a snapshot.
// The zero Window remembers DefaultStableWindow.
type Window struct {
	width time.Duration // of a bucket
	first time.Time     // when unbroken history begins; zero without any
	last  Sample
	ring  [buckets]bucket
}

// bucket sums up the samples of one step of time.
type bucket struct {
	step int64 // time / width; says whether what the ring holds is current
	peak int
	area float64 // request-seconds
	span float64 // seconds
}

// NewWindow makes a window that remembers span.
func NewWindow(span time.Duration) Window {
	return Window{width: max(span/(buckets-1), time.Millisecond)}
}

func (w *Window) defaults() {
	if w.width == 0 {
		w.width = DefaultStableWindow / (buckets - 1)
	}
}

func (w *Window) step(t time.Time) int64 { return t.UnixNano() / int64(w.width) }

// Add takes in a sample. One that is older than the newest is ignored. After a gap the history
// begins anew.
func (w *Window) Add(s Sample) {
	w.defaults()
	if s.Time.Before(w.last.Time) {
		return
	}
	if gap := s.Time.Sub(w.last.Time); w.first.IsZero() || gap > max(maxGap, 2*w.width) {
		*w = Window{width: w.width, first: s.Time}
		w.last.Time = s.Time
	}
	b := &w.ring[w.step(s.Time)%buckets]
	if b.step != w.step(s.Time) {
		*b = bucket{step: w.step(s.Time)}
	}
	span := s.Time.Sub(w.last.Time).Seconds()
	b.peak = max(b.peak, s.Peak, s.Now)
	b.area += s.Average * span
	b.span += span
	w.last = s
}

// Max returns the most requests at a time within d before now. It may reach back further by one
// bucket, a sixtieth of the window.
func (w *Window) Max(now time.Time, d time.Duration) int {
	peak := 0
	w.each(now, d, func(b bucket) { peak = max(peak, b.peak) })
	return peak
}

// Average returns the average concurrency within d before now, as exactly as Max.
func (w *Window) Average(now time.Time, d time.Duration) float64 {
	var area, span float64
	w.each(now, d, func(b bucket) { area, span = area+b.area, span+b.span })
	if span == 0 {
		return float64(w.last.Now)
	}
	return area / span
}

// each visits the buckets within d before now; there are never more than the ring has.
func (w *Window) each(now time.Time, d time.Duration, visit func(bucket)) {
	if w.first.IsZero() {
		return
	}
	newest := w.step(now)
	oldest := max(w.step(now.Add(-d)), newest-buckets+1)
	for step := oldest; step <= newest; step++ {
		if b := w.ring[step%buckets]; b.step == step {
			visit(b)
		}
	}
}

// covers returns when the window will have unbroken history of d. It is past when it has.
func (w *Window) covers(now time.Time, d time.Duration) time.Time {
	if w.first.IsZero() || now.Sub(w.last.Time) > max(maxGap, 2*w.width) {
		return now.Add(d)
	}
	return w.first.Add(d)
}
