package metrics

import (
	"slices"
	"time"
)

// Bounds are the upper bounds of the buckets of durations, those of the router. They are stored as
// numbers: they never change.
var Bounds = bounds()

func bounds() (all [62]time.Duration) {
	i := 0
	for unit := 100 * time.Microsecond; unit < 100*time.Second; unit *= 10 {
		for _, percent := range []int{100, 125, 150, 200, 250, 300, 400, 500, 600, 800} {
			all[i] = unit * time.Duration(percent) / 100
			i++
		}
	}
	all[i], all[i+1] = 100*time.Second, 2*time.Minute
	return all
}

// Buckets counts durations by Bounds; the last has those beyond.
type Buckets [len(Bounds) + 1]int64

// Statistic sums up samples of one metric. Two of them make one of both.
type Statistic struct {
	Count    int64
	Sum      float64
	Min, Max float64
	Buckets  *Buckets // of durations; nil for none
}

// add puts in another statistic of the same metric and another time or instance.
func (s *Statistic) add(other Statistic) {
	if other.Count == 0 {
		return
	}
	if s.Count == 0 {
		s.Min, s.Max = other.Min, other.Max
	}
	s.Count += other.Count
	s.Sum += other.Sum
	s.Min, s.Max = min(s.Min, other.Min), max(s.Max, other.Max)
	if other.Buckets == nil {
		return
	}
	if s.Buckets == nil {
		s.Buckets = &Buckets{}
	}
	for i, n := range other.Buckets {
		s.Buckets[i] += n
	}
}

// more puts in what else there was of a counter in the same minute: one number stays one.
func (s *Statistic) more(other Statistic) {
	if other.Count == 0 {
		return
	}
	total := s.Sum + other.Sum
	*s = Statistic{Count: 1, Sum: total, Min: total, Max: total}
}

// sample is a statistic of one sample.
func sample(value float64) Statistic { return Statistic{Count: 1, Sum: value, Min: value, Max: value} }

// Average returns the mean of the samples, 0 when there are none.
func (s *Statistic) Average() float64 {
	if s.Count == 0 {
		return 0
	}
	return s.Sum / float64(s.Count)
}

// Percentile returns the value, in milliseconds, that p per cent of the durations do not exceed. Within
// a bucket they are taken to be spread evenly. False means that percentiles are not known.
func (s *Statistic) Percentile(p float64) (float64, bool) {
	if s.Buckets == nil {
		return 0, false
	}
	total := int64(0)
	for _, n := range s.Buckets {
		total += n
	}
	if total == 0 {
		return 0, false
	}
	rank := p / 100 * float64(total)
	for i, n := range s.Buckets {
		if n > 0 && rank <= float64(n) {
			low, high := s.span(i)
			return low + (high-low)*max(rank, 0)/float64(n), true
		}
		rank -= float64(n)
	}
	return s.Max, true
}

// span is the milliseconds that the durations of a bucket are between.
func (s *Statistic) span(bucket int) (low, high float64) {
	if bucket > 0 {
		low = milliseconds(Bounds[bucket-1])
	}
	high = s.Max
	if bucket < len(Bounds) {
		high = milliseconds(Bounds[bucket])
	}
	low, high = max(low, s.Min), min(high, s.Max)
	return min(low, high), high
}

// Within returns how many durations were at most bound, which is one of Bounds.
func (b *Buckets) Within(bound time.Duration) int64 {
	last, _ := slices.BinarySearch(Bounds[:], bound)
	n := int64(0)
	for _, more := range b[:last+1] {
		n += more
	}
	return n
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Values has the statistics of a service or an instance, by metric.
type Values [metricCount]Statistic

// addMinute puts in values of another time.
func (v *Values) addAll(other *Values) {
	for m := range v {
		v[m].add(other[m])
	}
}

// join puts in what else there was in the same minute.
func (v *Values) join(other *Values) {
	for m := range v {
		if metrics[m].kind == counter {
			v[m].more(other[m])
		} else {
			v[m].add(other[m])
		}
	}
}

// Minute is what happened to a service in one minute.
type Minute struct {
	Time      time.Time // when it began
	Service   Values
	Instances map[string]*Values
}

// join puts in what else there was in the minute.
func (m *Minute) join(other *Minute) {
	m.Service.join(&other.Service)
	for id, values := range other.Instances {
		m.instance(id).join(values)
	}
}

func (m *Minute) instance(id string) *Values {
	v := m.Instances[id]
	if v == nil {
		v = &Values{}
		if m.Instances == nil {
			m.Instances = map[string]*Values{}
		}
		m.Instances[id] = v
	}
	return v
}
