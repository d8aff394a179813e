package formula

import (
	"fmt"
	"math"
)

// apply puts an operator between two values. The array's or the only series' label and metric stay.
func (e *evaluation) apply(at int, op operator, a, b Value) (Value, error) {
	f := func(x, y float64) float64 {
		if math.IsNaN(x) || math.IsNaN(y) { // no value compares with nothing
			return math.NaN()
		}
		return op.apply(x, y)
	}
	switch {
	case a.Kind == Array && b.Kind == Array:
		return Value{}, &Error{at, fmt.Sprintf("%s is between two arrays of time series: make one of them a series with SUM, AVG, MIN, MAX, FIRST or LAST", op.text)}
	case a.Kind == Number && b.Kind == Number:
		return number(f(a.Number, b.Number)), nil
	case b.Kind == Number:
		return e.each(at, a, func(s Series) Series {
			return s.with(mapped(s.Points, func(x float64) float64 { return f(x, b.Number) }))
		})
	case a.Kind == Number:
		return e.each(at, b, func(s Series) Series {
			return s.with(mapped(s.Points, func(y float64) float64 { return f(a.Number, y) }))
		})
	case a.Kind == Array:
		return e.mix(at, a, b.Series[0], f)
	case b.Kind == Array:
		return e.mix(at, b, a.Series[0], func(x, y float64) float64 { return f(y, x) })
	}
	out, err := e.mix(at, a, b.Series[0], f)
	for i, s := range out.Series {
		out.Series[i] = Series{Period: s.Period, Points: s.Points}
	}
	return out, err
}

// mix applies a series to each of a value.
func (e *evaluation) mix(at int, v Value, with Series, f func(x, y float64) float64) (Value, error) {
	if err := e.spend(at, len(v.Series)*len(with.Points)); err != nil {
		return Value{}, err
	}
	return e.each(at, v, func(s Series) Series {
		s.Period = max(s.Period, with.Period)
		return s.with(merged(s.Points, with.Points, f))
	})
}
