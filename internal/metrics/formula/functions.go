package formula

import (
	"math"
	"time"
)

// functions are those that can be called, by name.
var functions = map[string]function{
	"ABS":   pointwise("ABS", math.Abs),
	"CEIL":  pointwise("CEIL", math.Ceil),
	"FLOOR": pointwise("FLOOR", math.Floor),
	"LOG":   pointwise("LOG", math.Log),
	"LOG10": pointwise("LOG10", math.Log10),

	"SUM":             summary("SUM"),
	"AVG":             summary("AVG"),
	"MIN":             summary("MIN"),
	"MAX":             summary("MAX"),
	"STDDEV":          summary("STDDEV"),
	"DATAPOINT_COUNT": summary("DATAPOINT_COUNT"),

	"DIFF":        changes("DIFF", func(from, to Point) float64 { return to.Value - from.Value }),
	"DIFF_TIME":   changes("DIFF_TIME", elapsed),
	"RATE":        changes("RATE", func(from, to Point) float64 { return divide(to.Value-from.Value, elapsed(from, to)) }),
	"RUNNING_SUM": {1, 1, "RUNNING_SUM(m1)", overSeries(runningSum)},

	"MINUTE": clock("MINUTE", time.Time.Minute),
	"HOUR":   clock("HOUR", time.Time.Hour),
	"DAY":    clock("DAY", weekday),
	"DATE":   clock("DATE", time.Time.Day),
	"MONTH":  clock("MONTH", func(t time.Time) int { return int(t.Month()) }),
	"YEAR":   clock("YEAR", time.Time.Year),
	"EPOCH":  clock("EPOCH", func(t time.Time) int { return int(t.Unix()) }),

	"IF":          {2, 3, "IF(condition, then) or IF(condition, then, else)", values(choose)},
	"FILL":        {2, 2, "FILL(m1, 0), FILL(m1, m2), FILL(m1, REPEAT) or FILL(m1, LINEAR)", fill},
	"PERIOD":      {1, 1, "PERIOD(m1)", values(period)},
	"TIME_SERIES": {1, 1, "TIME_SERIES(number)", values(timeSeries)},

	"METRICS":      {0, 1, `METRICS() or METRICS("part of an id")`, metrics},
	"METRIC_COUNT": {1, 1, "METRIC_COUNT(METRICS())", values(count)},
	"FIRST":        {1, 1, "FIRST(METRICS())", values(first)},
	"LAST":         {1, 1, "LAST(METRICS())", values(last)},
	"REMOVE_EMPTY": {1, 1, "REMOVE_EMPTY(METRICS())", values(removeEmpty)},
	"SLICE":        {2, 3, "SLICE(METRICS(), from) or SLICE(METRICS(), from, to)", values(slice)},
	"SORT":         {3, 4, "SORT(METRICS(), AVG|MAX|MIN|SUM, ASC|DESC) or with a number of series as the fourth", sorted},
	"SEARCH":       {2, 3, "SEARCH('{Namespace,DimensionName} MetricName=\"Name\"', 'Statistic') or with a period in seconds as the third", search},
}

// pointwise is a function of each point, or of a number.
func pointwise(name string, f func(float64) float64) function {
	return function{1, 1, name + "(m1)", values(func(e *evaluation, c *call, args []Value) (Value, error) {
		if args[0].Kind == Number {
			return number(f(args[0].Number)), nil
		}
		return e.each(c.at, args[0], func(s Series) Series { return s.with(mapped(s.Points, f)) })
	})}
}

// overSeries is a function of each series.
func overSeries(f func([]Point) []Point) func(*parser, *call) node {
	return values(func(e *evaluation, c *call, args []Value) (Value, error) {
		if args[0].Kind == Number {
			return Value{}, c.wrong(0, args[0], "a time series or an array of them")
		}
		return e.each(c.at, args[0], func(s Series) Series { return s.with(f(s.Points)) })
	})
}

// changes is a function of each point and the one before.
func changes(name string, f func(from, to Point) float64) function {
	return function{1, 1, name + "(m1)", overSeries(func(points []Point) (out []Point) {
		for i := 1; i < len(points); i++ {
			out = add(out, points[i].Time, f(points[i-1], points[i]))
		}
		return out
	})}
}

func elapsed(from, to Point) float64 { return to.Time.Sub(from.Time).Seconds() }

func runningSum(points []Point) []Point {
	sum := 0.0
	return mapped(points, func(v float64) float64 {
		sum += v
		return sum
	})
}

// period returns the period of a series in seconds. CloudWatch knows it of metrics alone.
func period(_ *evaluation, c *call, args []Value) (Value, error) {
	if args[0].Kind != Single {
		return Value{}, c.wrong(0, args[0], "a time series")
	}
	return number(args[0].Series[0].Period.Seconds()), nil
}

// choose is IF: for every point of the condition it takes one of two. A true condition without a value
// gives 0, a false one nothing; CloudWatch documents both.
func choose(e *evaluation, c *call, args []Value) (Value, error) {
	for i, v := range args {
		if v.Kind == Array {
			return Value{}, c.wrong(i, v, "a number or a time series")
		}
	}
	condition, yes, no := args[0], args[1], One(Series{Period: e.Period})
	if len(args) == 3 {
		no = args[2]
	}
	if condition.Kind == Number {
		if condition.Number != 0 && !math.IsNaN(condition.Number) {
			return yes, nil
		}
		return no, nil
	}
	then, otherwise := valuesOf(yes, 0), valuesOf(no, math.NaN())
	return e.each(c.at, condition, func(s Series) Series {
		out := Series{Period: s.Period}
		for _, p := range s.Points {
			if p.Value != 0 {
				out.Points = add(out.Points, p.Time, then(p.Time))
			} else {
				out.Points = add(out.Points, p.Time, otherwise(p.Time))
			}
		}
		return out
	})
}

// valuesOf returns the values of a number or a series by time, for times that only go up.
func valuesOf(v Value, missing float64) func(time.Time) float64 {
	if v.Kind == Number {
		return func(time.Time) float64 { return v.Number }
	}
	points := lookup(v.Series[0].Points)
	return func(t time.Time) float64 {
		if value, ok := points.at(t); ok {
			return value
		}
		return missing
	}
}
