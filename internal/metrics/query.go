package metrics

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Query asks for the metrics of one service.
type Query struct {
	Service  string // id
	From, To time.Time
	Period   time.Duration // whole minutes
	// Instances says which instances to return beside the service; nil for none.
	Instances func(id string) bool
	// Points is the most periods that it may span; 0 for MaxPoints.
	Points int
}

// Series is a service, or an instance of it, over time.
type Series struct {
	Instance string // "" for the service
	Points   []Point
}

// Point has the statistics of one period.
type Point struct {
	Time   time.Time // when the period begins
	Values Values
}

// MaxPoints is the most periods that one query may span unless it says otherwise, as in CloudWatch.
const MaxPoints = 1440

// ErrRange is a query that cannot be answered, with the reason.
var ErrRange = errors.New("bad range")

func (q *Query) check() error {
	points := cmp.Or(q.Points, MaxPoints)
	switch {
	case q.Period < time.Minute || q.Period%time.Minute != 0:
		return fmt.Errorf("%w: the period has to be whole minutes, such as 60 or 300 seconds", ErrRange)
	case !q.From.Before(q.To):
		return fmt.Errorf("%w: the end has to be later than the beginning", ErrRange)
	case (q.To.Sub(q.From)-1)/q.Period >= time.Duration(points):
		return fmt.Errorf("%w: %s in periods of %s are more than %d points. Take a longer period or a shorter time", ErrRange, q.To.Sub(q.From), q.Period, points)
	}
	return nil
}

// Query returns the series of a service, its own first. Periods begin at whole multiples of the period
// and are left out when nothing is known of them. The running minute is in it as far as it is known.
// Errors: ErrRange.
func (c *Collector) Query(q Query) ([]Series, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	from := q.From.UTC().Truncate(q.Period)
	joined := map[time.Time]*Minute{}
	add := func(m *Minute) {
		if known := joined[m.Time]; known != nil { // a restart cut the minute in two
			known.join(m)
			return
		}
		joined[m.Time] = m
	}
	if err := c.store.read(q.Service, from, q.To, q.Instances, add); err != nil {
		return nil, err
	}
	c.addRunning(q, from, add)
	return gather(joined, q.Period), nil
}

// addRunning visits a copy of the running minute.
func (c *Collector) addRunning(q Query, from time.Time, visit func(*Minute)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.running[q.Service]
	if m == nil || m.Time.Before(from) || !m.Time.Before(q.To) {
		return
	}
	body, _, err := cutFrame(appendFrame(nil, m))
	if err != nil {
		return
	}
	if m, err = parseFrame(body, q.Instances); err == nil {
		visit(m)
	}
}

// gather makes series of minutes.
func gather(minutes map[time.Time]*Minute, period time.Duration) []Series {
	points := map[string]map[time.Time]*Values{}
	add := func(instance string, at time.Time, v *Values) {
		series := points[instance]
		if series == nil {
			series = map[time.Time]*Values{}
			points[instance] = series
		}
		sum := series[at.Truncate(period)]
		if sum == nil {
			sum = &Values{}
			series[at.Truncate(period)] = sum
		}
		sum.addAll(v)
	}
	for at, m := range minutes {
		add("", at, &m.Service)
		for id, v := range m.Instances {
			add(id, at, v)
		}
	}
	all := make([]Series, 0, len(points))
	for instance, series := range points {
		s := Series{Instance: instance}
		for at, v := range series {
			s.Points = append(s.Points, Point{at, *v})
		}
		slices.SortFunc(s.Points, func(a, b Point) int { return a.Time.Compare(b.Time) })
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Series) int { return cmp.Compare(a.Instance, b.Instance) })
	return all
}

// Instances lists the instances of a service that have metrics since a time, and tells whether the service
// has any.
func (c *Collector) Instances(service string, since time.Time) (ids []string, some bool, err error) {
	seen := map[string]bool{}
	name := func(id string) bool { // what it measured need not be read
		seen[id] = true
		return false
	}
	add := func(*Minute) { some = true }
	end := time.Now().Add(time.Hour)
	if err := c.store.read(service, since, end, name, add); err != nil {
		return nil, false, err
	}
	c.addRunning(Query{Service: service, To: end, Instances: name}, since, add)
	return slices.Sorted(maps.Keys(seen)), some, nil
}
