package formula

import (
	"math"
	"slices"
	"time"
	"unicode/utf8"
)

// MaxLength is how many characters an expression may have, as in GetMetricData.
const MaxLength = 2048

// Expression is a text that Parse understood. It may be evaluated any number of times, by several at once.
type Expression struct {
	root       node
	references []string
}

// node is a part of an expression.
type node func(*evaluation) (Value, error)

// Parse reads an expression. The error is an *Error.
func Parse(text string) (*Expression, error) {
	p := &parser{scanner: newScanner(text)}
	if n := utf8.RuneCountInString(text); n > MaxLength {
		p.failAt(0, "the expression has %d characters, and may have %d", n, MaxLength)
	}
	root := p.expression()
	if p.space(); p.err == nil && !p.done() {
		p.fail("%s is not expected here, an operator such as + would be", p.next())
	}
	if p.err != nil {
		return nil, p.err
	}
	return &Expression{root, p.references}, nil
}

// References returns the ids of other queries in the expression, each once, in the order they are named.
// Those that METRICS() selects are not among them.
func (e *Expression) References() []string { return slices.Clone(e.references) }

// Inputs are what expressions are evaluated with.
type Inputs struct {
	// Get returns the value of another query.
	Get func(id string) (Value, error)
	// Metrics has the ids of those queries that are metrics and not expressions, in order: METRICS().
	Metrics []string
	// Search returns a series for each metric that matches, also those without points, at most MaxSeries:
	// what is beyond is cut, as in CloudWatch, and whoever cuts tells. The labels of what it returns are
	// overwritten. The period is Inputs.Period when the expression has none.
	Search func(match func(Metric) bool, stat string, period time.Duration) ([]Series, error)
	// Period is that of series which are made of numbers, and of searches without their own; a minute if 0.
	Period time.Duration
	// From and To, which is not included, are the span that is filled. Periods begin at whole multiples of
	// the period, the first of them at or before From.
	From, To time.Time
}

// Evaluate returns what the expression amounts to. A Number is not something that GetMetricData returns,
// though other expressions may refer to it. Errors: *Error for what the expression asks of values that
// cannot do it, and those of the inputs.
func (e *Expression) Evaluate(in Inputs) (Value, error) {
	if in.Period <= 0 {
		in.Period = time.Minute
	}
	return e.root(&evaluation{Inputs: in, left: maxPoints})
}

// maxPoints is how many points an evaluation may make on its way: 500 series of two weeks in periods of
// five minutes, twice.
const maxPoints = 4 << 20

// seriesCost is how many points take the memory of a series without any.
const seriesCost = 4

// evaluation is one run of an expression.
type evaluation struct {
	Inputs

	left int // points that may be made yet
}

// spend counts points that are about to be made.
func (e *evaluation) spend(at, points int) error {
	if e.left -= points; e.left < 0 {
		return &Error{at, "the expression makes too many points. Take a longer period, a shorter time or fewer series"}
	}
	return nil
}

// first is the beginning of the first period of the span.
func (e *evaluation) first(period time.Duration) time.Time { return e.From.UTC().Truncate(period) }

// steps is how many periods there are in the span, 0 when there is no span.
func (e *evaluation) steps(period time.Duration) int {
	span := e.To.Sub(e.first(period))
	if period <= 0 || span <= 0 {
		return 0
	}
	return int(min((span-1)/period+1, math.MaxInt32))
}

// each returns a value for every series of a value: a series for a series, an array for an array.
func (e *evaluation) each(at int, v Value, f func(Series) Series) (Value, error) {
	out := Value{Kind: v.Kind, Series: make([]Series, len(v.Series))}
	for i, s := range v.Series {
		if err := e.spend(at, len(s.Points)+seriesCost); err != nil {
			return Value{}, err
		}
		out.Series[i] = f(s)
	}
	return out, nil
}
