package handlers

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	cloudwatchapi "github.com/slipway-run/slipway/internal/awsapi/cloudwatch"
	"github.com/slipway-run/slipway/internal/metrics"
	"github.com/slipway-run/slipway/internal/metrics/cloudwatch"
	"github.com/slipway-run/slipway/internal/metrics/formula"
)

// Metrics answers the operations of CloudWatch that read metrics.
type Metrics struct {
	Source cloudwatch.Source
	// Services returns the services of a Region, those included that are deleted and still described.
	Services func(ctx context.Context, here apprunner.Place) ([]cloudwatch.Service, error)
	Account  string
	TokenKey []byte // signs page tokens
}

var _ cloudwatchapi.Handlers = (*Metrics)(nil)

// MetricsVersion and MetricsNamespace are those of the query protocol.
const (
	MetricsVersion   = "2010-08-01"
	MetricsNamespace = "http://monitoring.amazonaws.com/doc/2010-08-01/"
)

func badValue(format string, args ...any) error {
	return awsapi.Errorf(http.StatusBadRequest, "InvalidParameterValueException", format, args...)
}

func badCombination(format string, args ...any) error {
	return awsapi.Errorf(http.StatusBadRequest, "InvalidParameterCombinationException", format, args...)
}

func (h *Metrics) here(ctx context.Context) apprunner.Place {
	return apprunner.Place{Account: h.Account, Region: region(ctx)}
}

func (h *Metrics) reader(ctx context.Context) (*cloudwatch.Reader, error) {
	services, err := h.Services(ctx, h.here(ctx))
	return &cloudwatch.Reader{Source: h.Source, Services: services, Alive: alive(ctx, time.Now())}, err
}

// maxTime is how long one call may read and compute: no client waits longer for an answer.
const maxTime = time.Minute

// alive says why a call that began then should not go on: its client left, or it asks for too much.
func alive(ctx context.Context, began time.Time) func() error {
	return func() error {
		if time.Since(began) > maxTime {
			return invalidData("The request takes longer than %v. Ask for fewer metrics, a shorter time or fewer searches.", maxTime)
		}
		return ctx.Err()
	}
}

const (
	listPage = 500
	recently = 3 * time.Hour // PT3H
)

// ListMetrics lists the metrics that there is data of.
func (h *Metrics) ListMetrics(ctx context.Context, in *cloudwatchapi.ListMetricsInput) (*cloudwatchapi.ListMetricsOutput, error) {
	reader, err := h.reader(ctx)
	if err != nil {
		return nil, err
	}
	seal := &Handlers{TokenKey: h.TokenKey}
	request := *in
	request.NextToken = nil
	scope := scope("ListMetrics", h.here(ctx), written(request))
	after := ""
	if token := text(in.NextToken); token != "" {
		if after, err = seal.openToken(token, scope); err != nil {
			return nil, badValue("The NextToken is not one of a page of this request.")
		}
	}
	out := &cloudwatchapi.ListMetricsOutput{Metrics: []cloudwatchapi.Metric{}}
	last := ""
	for listed, err := range reader.List(filterOf(in), after) {
		if err != nil {
			return nil, err
		}
		if len(out.Metrics) == listPage {
			out.NextToken = new(seal.sealToken(last, scope))
			break
		}
		out.Metrics = append(out.Metrics, shownMetric(listed.Metric))
		last = listed.Position()
	}
	return out, nil
}

func filterOf(in *cloudwatchapi.ListMetricsInput) cloudwatch.Filter {
	f := cloudwatch.Filter{Namespace: text(in.Namespace), Name: text(in.MetricName), Since: time.Now().Add(-metrics.Retention)}
	if in.RecentlyActive != nil {
		f.Since = time.Now().Add(-recently)
	}
	for _, d := range in.Dimensions {
		f.Dimensions = append(f.Dimensions, formula.Dimension{Name: text(d.Name), Value: text(d.Value)})
	}
	return f
}

func shownMetric(m formula.Metric) cloudwatchapi.Metric {
	shown := cloudwatchapi.Metric{Namespace: &m.Namespace, MetricName: &m.Name}
	for _, d := range m.Dimensions {
		shown.Dimensions = append(shown.Dimensions, cloudwatchapi.Dimension{Name: &d.Name, Value: &d.Value})
	}
	return shown
}

func metricOf(namespace, name *string, dimensions []cloudwatchapi.Dimension) formula.Metric {
	m := formula.Metric{Namespace: text(namespace), Name: text(name)}
	for _, d := range dimensions {
		m.Dimensions = append(m.Dimensions, formula.Dimension{Name: text(d.Name), Value: text(d.Value)})
	}
	return m
}

// periodOf takes seconds. What is measured by the minute has no finer periods, which clients may ask for.
func periodOf(seconds int32) (time.Duration, error) {
	switch {
	case seconds == 1 || seconds == 5 || seconds == 10 || seconds == 20 || seconds == 30:
		return time.Minute, nil
	case seconds < 1 || seconds%60 != 0 || seconds > 86400*365:
		return 0, badValue("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60, not %d.", seconds)
	}
	return time.Duration(seconds) * time.Second, nil
}

// spanOf checks when to read.
func spanOf(start, end *awsapi.Time, period *int32) (s cloudwatch.Span, err error) {
	if s.Period, err = periodOf(*period); err != nil {
		return s, err
	}
	if s.From, s.To = start.Time, end.Time; !s.From.Before(s.To) {
		return s, badValue("The parameter StartTime must be less than the parameter EndTime.")
	}
	return s, nil
}

// refusedMetrics turns what a reader says into an answer.
func refusedMetrics(err error) error {
	if errors.Is(err, metrics.ErrRange) || errors.Is(err, cloudwatch.ErrStatistic) {
		return badValue("%s", err)
	}
	return err
}
