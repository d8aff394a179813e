package handlers

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/slipway-run/slipway/internal/awsapi"
	cloudwatchapi "github.com/slipway-run/slipway/internal/awsapi/cloudwatch"
	"github.com/slipway-run/slipway/internal/metrics/cloudwatch"
)

// maxDatapoints is the most that GetMetricStatistics answers.
//
// Source: GetMetricStatistics, Amazon CloudWatch API Reference.
const maxDatapoints = 1440

// GetMetricStatistics returns statistics of one metric, oldest first: CloudWatch promises no order.
func (h *Metrics) GetMetricStatistics(ctx context.Context, in *cloudwatchapi.GetMetricStatisticsInput) (*cloudwatchapi.GetMetricStatisticsOutput, error) {
	names, err := statisticsOf(in)
	if err != nil {
		return nil, err
	}
	span, err := spanOf(in.StartTime, in.EndTime, in.Period)
	if err != nil {
		return nil, err
	}
	if n := int64(span.To.Sub(span.From)-1)/int64(span.Period) + 1; n > maxDatapoints {
		return nil, badCombination("You have requested up to %d datapoints, which exceeds the limit of %d. You may reduce the datapoints requested by increasing Period, or decreasing the time range.", n, maxDatapoints)
	}
	reader, err := h.reader(ctx)
	if err != nil {
		return nil, err
	}
	points := map[time.Time]*cloudwatchapi.Datapoint{}
	for _, name := range names {
		if err := addStatistic(points, reader, in, name, span); err != nil {
			return nil, refusedMetrics(err)
		}
	}
	out := &cloudwatchapi.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []cloudwatchapi.Datapoint{}}
	for _, at := range slices.SortedFunc(maps.Keys(points), time.Time.Compare) {
		out.Datapoints = append(out.Datapoints, *points[at])
	}
	return out, nil
}

// statisticsOf are the names of the statistics that a call asks for.
func statisticsOf(in *cloudwatchapi.GetMetricStatisticsInput) ([]string, error) {
	switch {
	case len(in.Statistics) == 0 && len(in.ExtendedStatistics) == 0:
		return nil, awsapi.Errorf(400, "MissingRequiredParameterException", "Must specify either Statistics or ExtendedStatistics")
	case len(in.Statistics) > 0 && len(in.ExtendedStatistics) > 0:
		return nil, badCombination("Must specify either Statistics or ExtendedStatistics, but not both")
	}
	names := slices.Clone(in.ExtendedStatistics)
	for _, s := range in.Statistics {
		names = append(names, string(s))
	}
	return names, nil
}

// addStatistic puts a statistic into the points of a metric. A metric of another unit has none.
func addStatistic(points map[time.Time]*cloudwatchapi.Datapoint, reader *cloudwatch.Reader, in *cloudwatchapi.GetMetricStatisticsInput, name string, span cloudwatch.Span) error {
	of, err := cloudwatch.ParseStatistic(name)
	if err != nil {
		return err
	}
	unit := cloudwatch.Unit(*in.MetricName)
	if string(cmp.Or(awsapi.Deref(in.Unit), cloudwatchapi.StandardUnit(unit))) != unit {
		return nil
	}
	values, err := reader.Read(metricOf(in.Namespace, in.MetricName, in.Dimensions), of, span)
	for _, v := range values {
		p := points[v.Time]
		if p == nil {
			p = &cloudwatchapi.Datapoint{Timestamp: awsapi.NewTime(v.Time), Unit: new(cloudwatchapi.StandardUnit(unit))}
			points[v.Time] = p
		}
		setStatistic(p, name, v.Value)
	}
	return err
}

func setStatistic(p *cloudwatchapi.Datapoint, name string, value float64) {
	switch cloudwatchapi.Statistic(name) {
	case cloudwatchapi.StatisticSampleCount:
		p.SampleCount = &value
	case cloudwatchapi.StatisticSum:
		p.Sum = &value
	case cloudwatchapi.StatisticAverage:
		p.Average = &value
	case cloudwatchapi.StatisticMinimum:
		p.Minimum = &value
	case cloudwatchapi.StatisticMaximum:
		p.Maximum = &value
	default:
		if p.ExtendedStatistics == nil {
			p.ExtendedStatistics = map[string]float64{}
		}
		p.ExtendedStatistics[name] = value
	}
}
