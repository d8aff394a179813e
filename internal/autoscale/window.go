package autoscale

import "time"

// buckets is how finely a window remembers: its span is divided by one less, so that the span is
// covered also while the newest bucket is still filling.
const buckets = 61

// maxGap is the longest time without a sample that still counts as history.
const maxGap = 10 * time.Second

// Sample is the load of a service over the time since the previous sample. Requests that wait for an
// instance count like those that have one, unless they are named apart.
type Sample struct {
	Time    time.Time
	Now     int     // requests at this moment
	Peak    int     // most requests at a time since the previous sample
	Average float64 // weighted by time, since the previous sample
	Busy    float64 // like Average, of those that have an instance
	Done    int     // requests that instances have answered since the previous sample
	Ready   int     // instances that take requests
	Usage   Usage   // zero unless the service has a driver that needs it
}

// Usage is what the instances of a service did together over the PanicWindow before a sample.
type Usage struct {
	CPU    float64       // instances' worth: 1.5 is what one and a half instances reserve
	Memory float64       // likewise
	Rate   float64       // requests per second
	P95    time.Duration // 0 when there were too few requests to tell
}

// Window is the recent history of a service's load. It is a value: a copy is a snapshot.
// The zero Window remembers DefaultStableWindow.
type Window struct {
	width time.Duration // of a bucket
	first time.Time     // when unbroken history begins; zero without any
	idle  time.Time     // since when there was no request; zero while there are
	last  Sample
	ring  [buckets]bucket
}

// bucket sums up the samples of one step of time.
type bucket struct {
	step   int64   // time / width; says whether what the ring holds is current
	peak   int     // requests
	area   float64 // request-seconds
	busy   float64 // request-seconds with an instance
	done   int     // requests
	span   float64 // seconds
	demand [drivers]float64
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
	w.noteIdle(s)
	b := &w.ring[w.step(s.Time)%buckets]
	if b.step != w.step(s.Time) {
		*b = bucket{step: w.step(s.Time)}
	}
	b.add(s, s.Time.Sub(w.last.Time).Seconds())
	w.last = s
}

func (w *Window) noteIdle(s Sample) {
	switch {
	case s.Peak > 0 || s.Now > 0:
		w.idle = time.Time{}
	case w.idle.IsZero():
		w.idle = s.Time
	}
}

func (b *bucket) add(s Sample, span float64) {
	b.peak = max(b.peak, s.Peak, s.Now)
	b.area += s.Average * span
	b.busy += s.Busy * span
	if span > 0 { // what was answered before the first sample took nobody knows how long
		b.done += s.Done
	}
	b.span += span
	for d, value := range s.demand() {
		b.demand[d] = max(b.demand[d], value)
	}
	b.demand[Concurrency] = float64(s.Now)
	if b.span > 0 {
		b.demand[Concurrency] = b.area / b.span
	}
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

// Took returns how long instances had each request within d before now, on average; 0 when none was
// answered.
func (w *Window) Took(now time.Time, d time.Duration) time.Duration {
	var busy float64
	done := 0
	w.each(now, d, func(b bucket) { busy, done = busy+b.busy, done+b.done })
	if done == 0 {
		return 0
	}
	return time.Duration(busy / float64(done) * float64(time.Second))
}

// Demand returns the highest demand on a driver within d before now.
func (w *Window) Demand(now time.Time, d time.Duration, of Driver) float64 {
	most := 0.0
	w.each(now, d, func(b bucket) { most = max(most, b.demand[of]) })
	return most
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
	if w.broken(now) {
		return now.Add(d)
	}
	return w.first.Add(d)
}

// quiet returns when the service will have had no request for d: a zero time when there are requests
// now, or d is 0.
func (w *Window) quiet(now time.Time, d time.Duration) time.Time {
	switch {
	case d <= 0 || (w.idle.IsZero() && !w.broken(now)):
		return time.Time{}
	case w.broken(now):
		return now.Add(d)
	default:
		return w.idle.Add(d)
	}
}

func (w *Window) broken(now time.Time) bool {
	return w.first.IsZero() || now.Sub(w.last.Time) > max(maxGap, 2*w.width)
}
