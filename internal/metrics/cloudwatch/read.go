package cloudwatch

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/slipway-run/slipway/internal/metrics"
	"github.com/slipway-run/slipway/internal/metrics/formula"
)

// Statistic takes one number of what a period sums up. False means that it is not known.
type Statistic func(metrics.Statistic) (float64, bool)

// ErrStatistic is the name of a statistic that there is not.
var ErrStatistic = errors.New("take SampleCount, Sum, Average, Minimum, Maximum or a percentile such as p95 or p99.9")

var percentile = regexp.MustCompile(`\Ap([0-9]{1,3}(?:\.[0-9]{1,10})?)\z`)

var statistics = map[string]Statistic{
	"SampleCount": func(s metrics.Statistic) (float64, bool) { return float64(s.Count), true },
	"Sum":         func(s metrics.Statistic) (float64, bool) { return s.Sum, true },
	"Average":     func(s metrics.Statistic) (float64, bool) { return s.Average(), true },
	"Minimum":     func(s metrics.Statistic) (float64, bool) { return s.Min, true },
	"Maximum":     func(s metrics.Statistic) (float64, bool) { return s.Max, true },
}

// ParseStatistic finds a statistic by CloudWatch's name. Errors: ErrStatistic.
func ParseStatistic(name string) (Statistic, error) {
	if s, ok := statistics[name]; ok {
		return s, nil
	}
	m := percentile.FindStringSubmatch(name)
	if m == nil {
		return nil, fmt.Errorf("there is no statistic %q: %w", name, ErrStatistic)
	}
	p, err := strconv.ParseFloat(m[1], 64)
	if err != nil || p > 100 {
		return nil, fmt.Errorf("there is no percentile %q, they end at p100: %w", name, ErrStatistic)
	}
	return func(s metrics.Statistic) (float64, bool) {
		if s.Min == s.Max { // as CloudWatch, which knows no more of samples that were summed up
			return s.Min, true
		}
		return s.Percentile(p)
	}, nil
}

// Span is when and how finely to read.
type Span struct {
	From, To time.Time
	Period   time.Duration
}

// cacheKey is what was read last: most calls ask for several metrics of one service.
type cacheKey struct {
	service, instance string
	span              Span
}

// maxPoints is how many periods one metric is read for: all that is kept, and what is cut off of days.
const maxPoints = int((metrics.Retention + 4*day) / time.Minute)

const day = 24 * time.Hour

// kept is the part of a span that there can be metrics of. It stays the same for the rest of the day.
func (s Span) kept() Span {
	today := time.Now().Truncate(day)
	if first := today.Add(-metrics.Retention - day); s.From.Before(first) {
		s.From = first
	}
	if last := today.Add(2 * day); s.To.After(last) {
		s.To = last
	}
	return s
}

// Read returns a statistic of a metric over time, oldest first. Periods begin at multiples of the period;
// those without samples are left out, and a metric that nothing measures has none. Errors:
// metrics.ErrRange.
func (r *Reader) Read(m formula.Metric, of Statistic, span Span) ([]formula.Point, error) {
	span = span.kept()
	p, ok := r.find(m)
	if !ok || !span.From.Before(span.To) {
		return nil, nil
	}
	all, err := r.load(cacheKey{p.service.ID, p.instance, span})
	if err != nil {
		return nil, err
	}
	var points []formula.Point
	for _, s := range all {
		if s.Instance != p.instance {
			continue
		}
		for _, point := range s.Points {
			sum := point.Values[p.metric]
			if value, known := of(sum); known && sum.Count > 0 {
				points = append(points, formula.Point{Time: point.Time, Value: value})
			}
		}
	}
	return points, nil
}

func (r *Reader) load(key cacheKey) ([]metrics.Series, error) {
	if r.last == key {
		return r.series, nil
	}
	if err := r.Alive(); err != nil {
		return nil, err
	}
	q := metrics.Query{Service: key.service, From: key.span.From, To: key.span.To, Period: key.span.Period, Points: maxPoints}
	if key.instance != "" {
		q.Instances = func(id string) bool { return id == key.instance }
	}
	all, err := r.Source.Query(q)
	if err != nil {
		return nil, err
	}
	r.last, r.series = key, all
	return all, nil
}
