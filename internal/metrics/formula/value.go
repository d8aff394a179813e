package formula

import (
	"math"
	"time"
)

// Metric is what a series is measured of.
type Metric struct {
	Namespace  string
	Name       string
	Dimensions []Dimension
}

// Dimension is one name and value of a metric.
type Dimension struct{ Name, Value string }

// Series is values over time.
type Series struct {
	Label  string
	Metric *Metric // nil for what was computed of several
	Stat   string  // "Sum"; "" for what was computed of several
	Period time.Duration
	Points []Point // ascending by time
}

// Point is one value. Its time is when the period begins.
type Point struct {
	Time  time.Time
	Value float64
}

// Kind says what a value is.
type Kind int

// The kinds of values.
const (
	Number Kind = iota
	Single      // a time series
	Array       // of time series
)

// String names the kind in a sentence.
func (k Kind) String() string {
	return [...]string{"a number", "a time series", "an array of time series"}[k]
}

// Value is what an expression or a part of it amounts to.
type Value struct {
	Kind   Kind
	Number float64  // of a Number; NaN when there is none, such as the highest value of no points
	Series []Series // one of a Single, any number of an Array
}

// One returns the value that is a time series.
func One(s Series) Value { return Value{Kind: Single, Series: []Series{s}} }

// Many returns the value that is an array of time series.
func Many(s []Series) Value { return Value{Kind: Array, Series: s} }

// Size is how much memory the value takes, in points.
func (v Value) Size() int {
	size := len(v.Series) * seriesCost
	for _, s := range v.Series {
		size += len(s.Points)
	}
	return size
}

func number(v float64) Value { return Value{Number: v} }

// finite reports whether a value can be a point.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// with returns the series with other points, its label and its metric kept.
func (s Series) with(points []Point) Series {
	s.Points = points
	return s
}

// mapped returns the points with other values, without those that are no numbers.
func mapped(points []Point, f func(float64) float64) []Point {
	out := make([]Point, 0, len(points))
	for _, p := range points {
		out = add(out, p.Time, f(p.Value))
	}
	return out
}

// add appends a point unless it is no number.
func add(points []Point, at time.Time, value float64) []Point {
	if !finite(value) {
		return points
	}
	return append(points, Point{at, value})
}

// merged returns what f makes of two series at each timestamp of either. Who has no value there has 0.
func merged(a, b []Point, f func(x, y float64) float64) []Point {
	out := make([]Point, 0, max(len(a), len(b)))
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Time.Before(b[0].Time):
			out, a = add(out, a[0].Time, f(a[0].Value, 0)), a[1:]
		case len(a) == 0 || b[0].Time.Before(a[0].Time):
			out, b = add(out, b[0].Time, f(0, b[0].Value)), b[1:]
		default:
			out, a, b = add(out, a[0].Time, f(a[0].Value, b[0].Value)), a[1:], b[1:]
		}
	}
	return out
}

// lookup finds values by time, for times that only go up.
type lookup []Point

func (l *lookup) at(t time.Time) (float64, bool) {
	for len(*l) > 0 && (*l)[0].Time.Before(t) {
		*l = (*l)[1:]
	}
	if len(*l) > 0 && (*l)[0].Time.Equal(t) {
		return (*l)[0].Value, true
	}
	return 0, false
}
