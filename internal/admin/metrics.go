package admin

import (
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/metrics"
)

// Metrics reads the metrics of services.
type Metrics interface {
	Query(q metrics.Query) ([]metrics.Series, error)
}

// MetricsAnswer is the answer to GET services/NAME/metrics.
type MetricsAnswer struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Period  int       `json:"period"` // seconds
	Metrics []Metric  `json:"metrics"`
}

// Metric is one metric over time.
type Metric struct {
	Name   string         `json:"name"`
	Unit   string         `json:"unit"` // Percent, Count or Milliseconds
	Help   string         `json:"help"`
	Series []MetricSeries `json:"series"` // of the service first, then of instances if asked for
}

// MetricSeries is the service, or one instance of it, over time.
type MetricSeries struct {
	Instance string        `json:"instance,omitempty"`
	Points   []MetricPoint `json:"points"` // oldest first; periods of which nothing is known are left out
}

// MetricPoint sums up the samples of one period.
type MetricPoint struct {
	Time    time.Time `json:"time"` // when the period began
	Samples int64     `json:"samples"`
	Sum     float64   `json:"sum"`
	Average float64   `json:"average"`
	Minimum float64   `json:"minimum"`
	Maximum float64   `json:"maximum"`
	// Percentiles of durations, in their unit; others have none.
	P50 *float64 `json:"p50,omitempty"`
	P90 *float64 `json:"p90,omitempty"`
	P95 *float64 `json:"p95,omitempty"`
	P99 *float64 `json:"p99,omitempty"`
}

// metricsDefault is how long back metrics are told unless from says otherwise.
const metricsDefault = time.Hour

// wantedPoints is about how many points an answer has when no period is asked for.
const wantedPoints = 120

// metrics answers with metrics of a service. Parameters, all optional: metric (may be repeated; all),
// from and to (RFC 3339; the last hour), period (seconds; about 120 points), instances (an id, which may
// be repeated, or "all").
func (a *API) metrics(c call) error {
	s, err := a.find(c, "GetMetrics")
	if err != nil {
		return err
	}
	values := c.r.URL.Query()
	q, err := metricsQuery(values, time.Now())
	if err != nil {
		return err
	}
	names, err := metricNames(values["metric"])
	if err != nil {
		return err
	}
	q.Service = s.ID
	series, err := a.Metrics.Query(q)
	if errors.Is(err, metrics.ErrRange) {
		return apprunner.Errorf(apprunner.InvalidRequest, "The metrics were not read: %s.", err)
	}
	if err != nil {
		return err
	}
	return answer(c.w, shownMetrics(q, names, series))
}

func metricsQuery(values url.Values, now time.Time) (q metrics.Query, err error) {
	q.To = now
	for name, at := range map[string]*time.Time{"from": &q.From, "to": &q.To} {
		text := values.Get(name)
		if text == "" {
			continue
		}
		if *at, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return q, apprunner.Errorf(apprunner.InvalidRequest, "%s=%q is not a time such as 2026-01-31T12:00:00Z.", name, text)
		}
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-metricsDefault)
	}
	q.Period = (q.To.Sub(q.From) / wantedPoints).Truncate(time.Minute)
	q.Period = max(q.Period, time.Minute)
	if text := values.Get("period"); text != "" {
		seconds, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return q, apprunner.Errorf(apprunner.InvalidRequest, "period=%q is not a number of seconds.", text)
		}
		q.Period = time.Duration(seconds) * time.Second
	}
	if wanted := values["instances"]; len(wanted) > 0 {
		q.Instances = func(id string) bool {
			for _, w := range wanted {
				if w == "all" || w == id {
					return true
				}
			}
			return false
		}
	}
	return q, nil
}

func metricNames(names []string) ([]metrics.Metric, error) {
	if len(names) == 0 {
		return metrics.All(), nil
	}
	var all []metrics.Metric
	for _, name := range names {
		m, ok := metrics.Parse(name)
		if !ok {
			return nil, apprunner.Errorf(apprunner.InvalidRequest, "There is no metric %q. There are: %v.", name, metrics.All())
		}
		all = append(all, m)
	}
	return all, nil
}

func shownMetrics(q metrics.Query, names []metrics.Metric, series []metrics.Series) MetricsAnswer {
	out := MetricsAnswer{From: q.From.UTC(), To: q.To.UTC(), Period: int(q.Period / time.Second)}
	for _, m := range names {
		shown := Metric{Name: m.String(), Unit: m.Unit(), Help: m.Help(), Series: []MetricSeries{}}
		for _, s := range series {
			if s.Instance != "" && !m.OfInstances() {
				continue
			}
			one := MetricSeries{Instance: s.Instance, Points: []MetricPoint{}}
			for _, p := range s.Points {
				if v := p.Values[m]; v.Count > 0 {
					one.Points = append(one.Points, shownPoint(p.Time, v))
				}
			}
			shown.Series = append(shown.Series, one)
		}
		out.Metrics = append(out.Metrics, shown)
	}
	return out
}

func shownPoint(at time.Time, v metrics.Statistic) MetricPoint {
	p := MetricPoint{Time: at, Samples: v.Count, Sum: v.Sum, Average: v.Average(), Minimum: v.Min, Maximum: v.Max}
	for percent, to := range map[float64]**float64{50: &p.P50, 90: &p.P90, 95: &p.P95, 99: &p.P99} {
		if value, ok := v.Percentile(percent); ok {
			*to = &value
		}
	}
	return p
}
