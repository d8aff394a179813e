package handlers

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	cloudwatchapi "github.com/slipway-run/slipway/internal/awsapi/cloudwatch"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
	"github.com/slipway-run/slipway/internal/metrics"
	"github.com/slipway-run/slipway/internal/metrics/cloudwatch"
)

// measured are services whose every minute has as many requests as the minute of the hour, at 100 ms
// each, and one instance that has them all.
type measured struct {
	reads  int
	last   cloudwatch.Span // that was asked for
	points []metrics.Point
}

const anInstance = "0123456789abcdef0123456789abcdef"

func (m *measured) Instances(service string, _ time.Time) ([]string, bool, error) {
	if service == "silent" {
		return nil, false, nil
	}
	return []string{anInstance}, true, nil
}

func (m *measured) Query(q metrics.Query) ([]metrics.Series, error) {
	m.reads++
	span := cloudwatch.Span{From: q.From, To: q.To, Period: q.Period}
	if span != m.last {
		m.last, m.points = span, minutesOf(q)
	}
	all := []metrics.Series{{Points: m.points}}
	if q.Instances != nil && q.Instances(anInstance) {
		all = append(all, metrics.Series{Instance: anInstance, Points: m.points})
	}
	return all, nil
}

func minutesOf(q metrics.Query) (points []metrics.Point) {
	for at := q.From.UTC().Truncate(q.Period); at.Before(q.To); at = at.Add(q.Period) {
		var v metrics.Values
		n := int64(at.Minute())
		v[metrics.Requests] = metrics.Statistic{Count: 1, Sum: float64(n), Min: float64(n), Max: float64(n)}
		v[metrics.RequestLatency] = metrics.Statistic{Count: n, Sum: float64(n) * 100, Min: 50, Max: 200, Buckets: &metrics.Buckets{30: n}}
		points = append(points, metrics.Point{Time: at, Values: v})
	}
	return points
}

// watching are handlers over so many services, and the context of a call.
func watching(services int) (*Metrics, *measured, context.Context) {
	source := &measured{}
	h := &Metrics{Source: source, Account: "000000000000", TokenKey: []byte("key"), Services: func(context.Context, apprunner.Place) ([]cloudwatch.Service, error) {
		all := []cloudwatch.Service{{Name: "silent", ID: "silent"}}
		for i := range services {
			all = append(all, cloudwatch.Service{Name: fmt.Sprintf("web-%03d", i), ID: fmt.Sprint(i)})
		}
		return all, nil
	}}
	return h, source, awsapi.WithCall(context.Background(), awsapi.Call{Identity: sigv4.Identity{Region: "us-east-1"}})
}

// Every metric is listed once, over pages, and those of a silent service are not.
func TestListMetrics(t *testing.T) {
	t.Parallel()
	h, _, ctx := watching(60)
	for _, tt := range []struct {
		reason string
		in     cloudwatchapi.ListMetricsInput
		want   int
	}{
		{"all", cloudwatchapi.ListMetricsInput{}, 60 * (12 + 8)},
		{"App Runner's", cloudwatchapi.ListMetricsInput{Namespace: new("AWS/AppRunner")}, 60 * (9 + 8)},
		{"Slipway's own", cloudwatchapi.ListMetricsInput{Namespace: new("Slipway")}, 60 * 3},
		{"by name", cloudwatchapi.ListMetricsInput{MetricName: new("Requests")}, 60 * 2},
		{"of instances", cloudwatchapi.ListMetricsInput{MetricName: new("Requests"), Dimensions: []cloudwatchapi.DimensionFilter{{Name: new("Instance")}}}, 60},
		{"of a service", cloudwatchapi.ListMetricsInput{Dimensions: []cloudwatchapi.DimensionFilter{{Name: new("ServiceName"), Value: new("web-007")}}}, 12 + 8},
		{"of no service", cloudwatchapi.ListMetricsInput{Dimensions: []cloudwatchapi.DimensionFilter{{Name: new("ServiceName"), Value: new("silent")}}}, 0},
		{"another namespace", cloudwatchapi.ListMetricsInput{Namespace: new("AWS/EC2")}, 0},
	} {
		seen := map[string]bool{}
		for in := tt.in; ; {
			out, err := h.ListMetrics(ctx, &in)
			if err != nil || len(out.Metrics) > listPage {
				t.Fatalf("%s: %d metrics, %v", tt.reason, len(out.Metrics), err)
			}
			for _, m := range out.Metrics {
				if name := written(m); seen[name] {
					t.Errorf("%s: %s comes twice", tt.reason, name)
				} else {
					seen[name] = true
				}
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				break
			}
		}
		if len(seen) != tt.want {
			t.Errorf("%s: %d metrics, want %d", tt.reason, len(seen), tt.want)
		}
	}
	page, err := h.ListMetrics(ctx, &cloudwatchapi.ListMetricsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.ListMetrics(ctx, &cloudwatchapi.ListMetricsInput{NextToken: page.NextToken, MetricName: new("Requests")}); err == nil {
		t.Error("the token of another list is taken")
	}
}

// noon is that of yesterday, so that all of what is asked for is over.
var noon = time.Now().UTC().Truncate(24 * time.Hour).Add(-12 * time.Hour)

func of(service int) []cloudwatchapi.Dimension {
	return []cloudwatchapi.Dimension{{Name: new("ServiceID"), Value: new(fmt.Sprint(service))}, {Name: new("ServiceName"), Value: new(fmt.Sprintf("web-%03d", service))}}
}

func metric(id, name, stat string, period int32) cloudwatchapi.MetricDataQuery {
	return cloudwatchapi.MetricDataQuery{Id: &id, MetricStat: &cloudwatchapi.MetricStat{
		Metric: &cloudwatchapi.Metric{Namespace: new("AWS/AppRunner"), MetricName: &name, Dimensions: of(0)}, Period: &period, Stat: &stat,
	}}
}

func expression(id, text string) cloudwatchapi.MetricDataQuery {
	return cloudwatchapi.MetricDataQuery{Id: &id, Expression: &text}
}

func hidden(q cloudwatchapi.MetricDataQuery) cloudwatchapi.MetricDataQuery {
	q.ReturnData = new(false)
	return q
}

func labelled(q cloudwatchapi.MetricDataQuery, label string) cloudwatchapi.MetricDataQuery {
	q.Label = &label
	return q
}

// ask asks for the minutes after noon.
func ask(minutes int, queries ...cloudwatchapi.MetricDataQuery) *cloudwatchapi.GetMetricDataInput {
	return &cloudwatchapi.GetMetricDataInput{
		MetricDataQueries: queries, StartTime: awsapi.NewTime(noon), EndTime: awsapi.NewTime(noon.Add(time.Duration(minutes) * time.Minute)),
		ScanBy: new(cloudwatchapi.ScanByTimestampAscending),
	}
}

func TestGetMetricData(t *testing.T) {
	t.Parallel()
	h, _, ctx := watching(3)
	requests := metric("m1", "Requests", "Sum", 60)
	seconds := requests
	seconds.MetricStat = new(*requests.MetricStat)
	seconds.MetricStat.Unit = new(cloudwatchapi.StandardUnitSeconds)
	part := requests
	part.MetricStat = new(*requests.MetricStat)
	part.MetricStat.Metric = &cloudwatchapi.Metric{Namespace: new("AWS/AppRunner"), MetricName: new("Requests"), Dimensions: of(0)[:1]}
	for _, tt := range []struct {
		reason string
		in     *cloudwatchapi.GetMetricDataInput
		want   string // label: values, of each result
	}{
		{"a metric", ask(4, requests), "Requests: 0 1 2 3"},
		{"a period below a minute", ask(2, metric("m1", "Requests", "Sum", 5)), "Requests: 0 1"},
		{"the newest first", func() *cloudwatchapi.GetMetricDataInput { in := ask(3, requests); in.ScanBy = nil; return in }(), "Requests: 2 1 0"},
		{"another unit", ask(3, seconds), "Requests: "},
		{"not all dimensions", ask(3, part), "Requests: "},
		{"samples alone", ask(3, metric("m1", "RequestLatency", "SampleCount", 60)), "RequestLatency: 1 2"},
		{"an expression, its metric not shown", ask(3, hidden(requests), expression("e1", "m1 * 10")), "Requests: 0 10 20"},
		{"expressions of expressions, in any order", ask(3, expression("e2", "e1 + m1"), hidden(expression("e1", "m1 * 10")), hidden(requests)), "e2: 0 11 22"},
		{"an expression of another's name", ask(2, hidden(requests), expression("e1", "m1 + m1"), expression("e2", "e1")), "e1: 0 2\ne2: 0 2"},
		{"a search", ask(2, expression("e", `SEARCH('{AWS/AppRunner,ServiceID,ServiceName} MetricName="Requests" ServiceName=("web-001" OR "web-002")', 'Sum', 60)`)), "web-001: 0 1\nweb-002: 0 1"},
		{"the sum of a search", ask(3, expression("e", `SUM(SEARCH('{AWS/AppRunner,ServiceID,ServiceName} MetricName="Requests"', 'Sum', 60))`)), "e: 0 3 6"},
		{"nothing found", ask(3, expression("e", `SEARCH('{AWS/Lambda,FunctionName} MetricName="Duration"', 'Sum', 60)`)), ""},
		{"a label", ask(3, labelled(requests, "all")), "all: 0 1 2"},
		{"a label of what is known", ask(3, labelled(requests, "${PROP('Dim.ServiceName')} ${LABEL} ${PROP('Stat')} ${PROP('Period')} ${PROP('Region')} max ${MAX} avg ${AVG} ${WHAT}")), "web-000 Requests Sum 60 us-east-1 max 2 avg 1 ${WHAT}: 0 1 2"},
		{"a label of times", ask(3, labelled(requests, "${MAX_TIME}")), noon.Add(2*time.Minute).Format("2006-01-02T15:04:05-0700") + ": 0 1 2"},
		{"a label of no points", ask(3, labelled(seconds, "${LAST}")), "--: "},
	} {
		out, err := h.GetMetricData(ctx, tt.in)
		if err != nil {
			t.Errorf("%s: %v", tt.reason, err)
			continue
		}
		if diff := cmp.Diff(tt.want, shown(out)); diff != "" {
			t.Errorf("%s:\n%s", tt.reason, diff)
		}
	}
}

// shown has a line for each result.
func shown(out *cloudwatchapi.GetMetricDataOutput) string {
	var lines []string
	for _, r := range out.MetricDataResults {
		lines = append(lines, *r.Label+": "+strings.Trim(fmt.Sprint(r.Values), "[]"))
	}
	return strings.Join(lines, "\n")
}

func TestGetMetricData_Refuses(t *testing.T) {
	t.Parallel()
	h, _, ctx := watching(3)
	requests := metric("m1", "Requests", "Sum", 60)
	backwards := ask(3, requests)
	backwards.StartTime, backwards.EndTime = backwards.EndTime, backwards.StartTime
	zone := ask(3, requests)
	zone.LabelOptions = &cloudwatchapi.LabelOptions{Timezone: new("Mars")}
	large := ask(3, requests)
	large.MaxDatapoints = new(int32(maxPagePoints + 1))
	both := requests
	both.Expression = new("1")
	for says, in := range map[string]*cloudwatchapi.GetMetricDataInput{
		"must be less than the parameter EndTime":           backwards,
		"'M1' for parameter MetricDataQueries.Id":           ask(3, metric("M1", "Requests", "Sum", 60)),
		"'m1' is used by two queries":                       ask(3, requests, requests),
		"must have 1 to 500 queries, not 0":                 ask(3),
		"'m1' must have either an Expression":               ask(3, both),
		"multiple of 60, not 90":                            ask(3, metric("m1", "Requests", "Sum", 90)),
		"there is no statistic \"Most\"":                    ask(3, metric("m1", "Requests", "Most", 60)),
		"there is no percentile \"p100.1\"":                 ask(3, metric("m1", "Requests", "p100.1", 60)),
		"'e': Unknown identifier: m2":                       ask(3, requests, expression("e", "m2")),
		"'e': it refers to itself":                          ask(3, expression("e", "f"), expression("f", "e")),
		"'e': it is a number, and only time series":         ask(3, requests, expression("e", "SUM(m1)")),
		"Error in expression 'e'":                           ask(3, expression("e", "m1 +")),
		"no time zone such as +0130":                        zone,
		"must be between 1 and 100800":                      large,
		"Error in a search: there is no statistic \"Most\"": ask(3, expression("e", `SEARCH('Requests', 'Most', 60)`)),
	} {
		out, err := h.GetMetricData(ctx, in)
		refused, ok := errors.AsType[*awsapi.Error](err)
		if !ok || refused.Status != 400 || !strings.Contains(refused.Message, says) {
			t.Errorf("want %q, got %v, %v", says, out, err)
		}
	}
}

// Pages have every point once, in order, whatever their size.
func TestGetMetricData_Pages(t *testing.T) {
	t.Parallel()
	h, _, ctx := watching(3)
	for _, newest := range []bool{false, true} {
		for size := int32(1); size < 40; size += 3 {
			in := ask(10, metric("m1", "Requests", "Sum", 60), hidden(metric("m2", "Requests", "Sum", 60)),
				expression("e", `SEARCH('{AWS/AppRunner,ServiceID,ServiceName} MetricName="Requests"', 'Sum', 60)`), metric("m3", "Requests", "p50", 60))
			if newest {
				in.ScanBy = new(cloudwatchapi.ScanByTimestampDescending)
			}
			in.MaxDatapoints = &size
			got := map[string][]float64{}
			for pages := 0; ; pages++ {
				out, err := h.GetMetricData(ctx, in)
				if err != nil || pages > 60 {
					t.Fatalf("page %d: %v", pages, err)
				}
				for _, r := range out.MetricDataResults {
					got[*r.Id+" "+*r.Label] = append(got[*r.Id+" "+*r.Label], r.Values...)
				}
				if in.NextToken = out.NextToken; in.NextToken == nil {
					break
				}
			}
			for name, values := range got {
				if len(values) != 10 {
					t.Errorf("pages of %d: %s has %v", size, name, values)
				}
				for i, v := range values {
					if want := float64(i); !newest && v != want || newest && v != 9-want {
						t.Errorf("pages of %d: %s has %v", size, name, values)
						break
					}
				}
			}
			if len(got) != 5 {
				t.Errorf("pages of %d: %v", size, got)
			}
		}
	}
	in := ask(10, metric("m1", "Requests", "Sum", 60))
	in.NextToken = new("nonsense")
	if _, err := h.GetMetricData(ctx, in); err == nil || !strings.Contains(err.Error(), "InvalidNextToken") {
		t.Errorf("a token of nobody: %v", err)
	}
}

// What a request of some kilobytes can ask for has bounds, whatever its expressions make of it.
func TestGetMetricData_Bounds(t *testing.T) {
	t.Parallel()
	h, source, ctx := watching(600)
	const everything = `SEARCH('{AWS/AppRunner,ServiceID,ServiceName} MetricName="Requests"', 'Sum', 60)`
	doubled := []cloudwatchapi.MetricDataQuery{hidden(metric("e0", "WakeTime", "Sum", 60))} // has no points
	for i := range 60 {
		doubled = append(doubled, hidden(expression(fmt.Sprintf("e%d", i+1), fmt.Sprintf("[e%d,e%d]", i, i))))
	}
	large := append(slices.Clone(doubled[:18]), expression("f", "METRIC_COUNT(["+strings.Repeat("e17,", 500)+"e17])"))
	long := ask(0, expression("e", everything))
	long.StartTime = awsapi.NewTime(noon.AddDate(0, 0, -12))
	longer := ask(0, expression("e", "["+everything+","+everything+"]"))
	longer.StartTime = awsapi.NewTime(noon.AddDate(0, 0, -2))
	for reason, in := range map[string]*cloudwatchapi.GetMetricDataInput{
		"arrays of arrays":          ask(3, append(doubled, expression("f", "TIME_SERIES(METRIC_COUNT(e60))"))...),
		"a large array of arrays":   ask(3, large...),
		"a search":                  long,
		"searches of an expression": longer,
	} {
		source.reads = 0
		_, err := h.GetMetricData(ctx, in)
		if refused, ok := errors.AsType[*awsapi.Error](err); !ok || refused.Status != 400 || !strings.Contains(refused.Message, "points") || !strings.Contains(refused.Message, "Take a longer period, a shorter time or fewer") {
			t.Errorf("%s: %v", reason, err)
		}
		if reason == "a search" && source.reads > maxHeld/(12*1440)+1 {
			t.Errorf("%s: %d metrics were read before it was refused", reason, source.reads)
		}
	}
	source.reads = 0
	left, leave := context.WithCancel(ctx)
	leave()
	if _, err := h.GetMetricData(left, ask(3, expression("e", everything))); !errors.Is(err, context.Canceled) || source.reads > 0 {
		t.Errorf("for a client that left %d metrics were read: %v", source.reads, err)
	}
	if err := alive(ctx, time.Now().Add(-2*maxTime))(); err == nil || !strings.Contains(err.Error(), "takes longer than 1m0s") {
		t.Errorf("after two minutes: %v", err)
	}
}

// A search gives the first 500 metrics, and the answer says so once.
func TestGetMetricData_ManyFound(t *testing.T) {
	t.Parallel()
	h, _, ctx := watching(501)
	search := func(name string) string {
		return `SEARCH('{AWS/AppRunner,ServiceID,ServiceName} MetricName="Requests" NOT ServiceName="` + name + `"', 'Sum', 60)`
	}
	for name, messages := range map[string]int{"web-500": 0, "nobody": 1} {
		out, err := h.GetMetricData(ctx, ask(1, expression("e", "["+search(name)+","+search(name)+"]")))
		if err != nil || len(out.MetricDataResults) != 1000 || len(out.Messages) != messages {
			t.Errorf("without %s: %v, %v", name, err, out.Messages)
		}
	}
}

// An answer of many series without a point has pages, too.
func TestGetMetricData_ManyResults(t *testing.T) {
	t.Parallel()
	h, _, ctx := watching(1)
	in := ask(3, hidden(metric("m", "WakeTime", "Sum", 60)), hidden(expression("a", "["+strings.Repeat("m,", 149)+"m]")), expression("e", "["+strings.Repeat("a,", 99)+"a]"))
	out, err := h.GetMetricData(ctx, in)
	if err != nil || len(out.MetricDataResults) != maxPageResults || out.NextToken == nil {
		t.Fatalf("the first page: %v", err)
	}
	in.NextToken = out.NextToken
	if out, err = h.GetMetricData(ctx, in); err != nil || len(out.MetricDataResults) != 150*100-maxPageResults || out.NextToken != nil {
		t.Errorf("the second page: %v", err)
	}
}

// Two weeks of a minute each are answered; several metrics of one service are read once.
func TestGetMetricData_Much(t *testing.T) {
	t.Parallel()
	h, source, ctx := watching(1)
	in := ask(0, metric("m1", "Requests", "Sum", 60), metric("m2", "RequestLatency", "p99", 60), metric("m3", "RequestLatency", "Average", 60))
	in.StartTime = awsapi.NewTime(noon.AddDate(-1, 0, 0)) // before what is kept
	in.EndTime = awsapi.NewTime(noon.AddDate(1, 0, 0))
	out, err := h.GetMetricData(ctx, in)
	if err != nil || source.reads != 1 || out.NextToken != nil || len(out.MetricDataResults[0].Values) < 14*1440 {
		t.Errorf("%d reads, %v", source.reads, err)
	}
}

func TestGetMetricStatistics(t *testing.T) {
	t.Parallel()
	h, _, ctx := watching(1)
	in := &cloudwatchapi.GetMetricStatisticsInput{
		Namespace: new("AWS/AppRunner"), MetricName: new("RequestLatency"), Dimensions: of(0), Period: new(int32(60)),
		StartTime: awsapi.NewTime(noon.Add(time.Minute)), EndTime: awsapi.NewTime(noon.Add(3 * time.Minute)),
		Statistics: []cloudwatchapi.Statistic{"SampleCount", "Sum", "Average", "Minimum", "Maximum"},
	}
	out, err := h.GetMetricStatistics(ctx, in)
	if err != nil || len(out.Datapoints) != 2 {
		t.Fatalf("%+v, %v", out, err)
	}
	if p := out.Datapoints[1]; *p.SampleCount != 2 || *p.Sum != 200 || *p.Average != 100 || *p.Minimum != 50 || *p.Maximum != 200 || *p.Unit != "Milliseconds" || !p.Timestamp.Equal(noon.Add(2*time.Minute)) {
		t.Errorf("the second is %s", written(p))
	}
	in.Statistics, in.ExtendedStatistics = nil, []string{"p0", "p50", "p100"}
	if out, err = h.GetMetricStatistics(ctx, in); err != nil || len(out.Datapoints) != 2 {
		t.Fatalf("%+v, %v", out, err)
	}
	if p := out.Datapoints[0].ExtendedStatistics; !(p["p0"] <= p["p50"] && p["p50"] <= p["p100"]) || math.IsNaN(p["p50"]) || len(p) != 3 {
		t.Errorf("percentiles are %v", p)
	}
}

func TestGetMetricStatistics_Refuses(t *testing.T) {
	t.Parallel()
	h, source, ctx := watching(1)
	for reason, span := range map[string][2]time.Time{
		"a minute too many": {noon, noon.Add(1440*time.Minute + 1)},
		"all of time":       {time.Time{}.Add(1), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}, // longer than a Duration
	} {
		_, err := h.GetMetricStatistics(ctx, &cloudwatchapi.GetMetricStatisticsInput{
			Namespace: new("AWS/AppRunner"), MetricName: new("Requests"), Dimensions: of(0), Period: new(int32(60)),
			StartTime: awsapi.NewTime(span[0]), EndTime: awsapi.NewTime(span[1]), Statistics: []cloudwatchapi.Statistic{"Sum"},
		})
		if err == nil || !strings.Contains(err.Error(), "exceeds the limit of 1440") || source.reads > 0 {
			t.Errorf("%s: %v, %d reads", reason, err, source.reads)
		}
	}
}
