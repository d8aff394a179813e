package formula

import (
	"math"
	"time"
)

// grid returns a value for every period of the span.
func (e *evaluation) grid(at int, period time.Duration, f func(time.Time) float64) ([]Point, error) {
	n := e.steps(period)
	if err := e.spend(at, n); err != nil {
		return nil, err
	}
	out := make([]Point, 0, n)
	for t := e.first(period); len(out) < n; t = t.Add(period) {
		out = append(out, Point{t, f(t)})
	}
	return out, nil
}

// clock is a function that tells the time, in UTC, of every period of a series, also of those without a
// point.
func clock(name string, of func(time.Time) int) function {
	return function{1, 1, name + "(m1)", values(func(e *evaluation, c *call, args []Value) (Value, error) {
		if args[0].Kind != Single {
			return Value{}, c.wrong(0, args[0], "a time series")
		}
		out := Series{Period: e.periodOf(args[0].Series[0])}
		var err error
		out.Points, err = e.grid(c.at, out.Period, func(t time.Time) float64 { return float64(of(t)) })
		return One(out), err
	})}
}

// weekday is 1 on a Monday and 7 on a Sunday.
func weekday(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }

func (e *evaluation) periodOf(s Series) time.Duration {
	if s.Period > 0 {
		return s.Period
	}
	return e.Period
}

// timeSeries makes a series of a number: it has it in every period.
func timeSeries(e *evaluation, c *call, args []Value) (Value, error) {
	if args[0].Kind != Number {
		return Value{}, c.wrong(0, args[0], "a number")
	}
	out := Series{Period: e.Period}
	if !finite(args[0].Number) {
		return One(out), nil
	}
	var err error
	out.Points, err = e.grid(c.at, out.Period, func(time.Time) float64 { return args[0].Number })
	return One(out), err
}

// fill is FILL: it gives points to the periods of a series that have none.
func fill(p *parser, c *call) node {
	what, with := c.args[0], c.args[1]
	if what.node == nil {
		p.refuse(c, what, "a time series or an array of them")
	}
	if with.node == nil && with.word != "REPEAT" && with.word != "LINEAR" {
		p.refuse(c, with, "a number, a time series, REPEAT or LINEAR")
	}
	return func(e *evaluation) (Value, error) {
		v, err := what.node(e)
		if err == nil && v.Kind == Number {
			err = c.wrong(0, v, "a time series or an array of them")
		}
		filler := Value{}
		if err == nil && with.node != nil {
			filler, err = with.node(e)
		}
		if err == nil && filler.Kind == Array {
			err = c.wrong(1, filler, "a number, a time series, REPEAT or LINEAR")
		}
		if err != nil {
			return Value{}, err
		}
		return e.fill(c, v, filler)
	}
}

func (e *evaluation) fill(c *call, v, filler Value) (Value, error) {
	out := Value{Kind: v.Kind}
	for _, s := range v.Series {
		grid, err := e.grid(c.at, e.periodOf(s), func(time.Time) float64 { return math.NaN() })
		if err == nil {
			err = e.spend(c.at, len(s.Points))
		}
		if err != nil {
			return Value{}, err
		}
		points := union(s.Points, grid)
		switch c.args[1].word {
		case "REPEAT":
			repeat(points)
		case "LINEAR":
			connect(points)
		default:
			of := valuesOf(filler, math.NaN())
			for i, p := range points {
				if math.IsNaN(p.Value) {
					points[i].Value = of(p.Time)
				}
			}
		}
		out.Series = append(out.Series, s.with(mapped(points, func(v float64) float64 { return v })))
	}
	return out, nil
}

// union returns the points of both, of one time those of the first.
func union(a, b []Point) []Point {
	out := make([]Point, 0, max(len(a), len(b)))
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(a) == 0 || len(b) > 0 && b[0].Time.Before(a[0].Time):
			out, b = append(out, b[0]), b[1:]
		case len(b) > 0 && b[0].Time.Equal(a[0].Time):
			out, a, b = append(out, a[0]), a[1:], b[1:]
		default:
			out, a = append(out, a[0]), a[1:]
		}
	}
	return out
}

// repeat gives the points without a value that of the last one with a value.
func repeat(points []Point) {
	last := math.NaN()
	for i, p := range points {
		if math.IsNaN(p.Value) {
			points[i].Value = last
		}
		last = points[i].Value
	}
}

// connect gives the points between two with a value those on the straight line from one to the other.
func connect(points []Point) {
	from := -1
	for to, p := range points {
		if math.IsNaN(p.Value) {
			continue
		}
		for i := from + 1; from >= 0 && i < to; i++ {
			share := elapsed(points[from], points[i]) / elapsed(points[from], p)
			points[i].Value = points[from].Value + share*(p.Value-points[from].Value)
		}
		from = to
	}
}
