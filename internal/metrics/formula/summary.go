package formula

import (
	"math"
	"slices"
)

// summaries make one number of several. There are n of them when those that are missing count, too.
var summaries = map[string]func(present []float64, n int) float64{
	"SUM":             func(present []float64, _ int) float64 { return sum(present) },
	"AVG":             func(present []float64, n int) float64 { return divide(sum(present), float64(n)) },
	"MIN":             func(present []float64, _ int) float64 { return extreme(present, slices.Min) },
	"MAX":             func(present []float64, _ int) float64 { return extreme(present, slices.Max) },
	"STDDEV":          func(present []float64, _ int) float64 { return deviation(present) },
	"DATAPOINT_COUNT": func(present []float64, _ int) float64 { return float64(len(present)) },
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

func extreme(values []float64, of func([]float64) float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	return of(values)
}

// deviation is that of the whole population.
func deviation(values []float64) float64 {
	mean := divide(sum(values), float64(len(values)))
	squares := 0.0
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	return math.Sqrt(divide(squares, float64(len(values))))
}

// summary is a function that makes a number of a series, and a series of an array.
func summary(name string) function {
	f := summaries[name]
	return function{1, 1, name + "(m1) or " + name + "(METRICS())", values(func(e *evaluation, c *call, args []Value) (Value, error) {
		switch v := args[0]; v.Kind {
		case Single:
			return number(e.summarize(v.Series[0], f)), nil
		case Array:
			return e.across(c.at, v.Series, f)
		}
		return Value{}, c.wrong(0, args[0], "a time series or an array of them")
	})}
}

// summarize makes a number of a series. Periods of the span without a point count as 0 in an average:
// CloudWatch has DATAPOINT_COUNT for who wants them not to.
func (e *evaluation) summarize(s Series, f func([]float64, int) float64) float64 {
	present := make([]float64, len(s.Points))
	for i, p := range s.Points {
		present[i] = p.Value
	}
	return f(present, max(len(present), e.steps(s.Period)))
}

// across makes a series of many: at each timestamp of any, of those that have a value then.
func (e *evaluation) across(at int, all []Series, f func([]float64, int) float64) (Value, error) {
	out := Series{}
	points := make([]Point, 0, len(all))
	for _, s := range all {
		if err := e.spend(at, len(s.Points)+1); err != nil {
			return Value{}, err
		}
		out.Period = max(out.Period, s.Period)
		points = append(points, s.Points...)
	}
	slices.SortStableFunc(points, func(a, b Point) int { return a.Time.Compare(b.Time) })
	var present []float64
	for i, p := range points {
		present = append(present, p.Value)
		if i+1 == len(points) || points[i+1].Time.After(p.Time) {
			out.Points = add(out.Points, p.Time, f(present, len(all)))
			present = present[:0]
		}
	}
	return One(out), nil
}
