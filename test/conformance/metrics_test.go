package conformance

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"

	"github.com/slipway-run/slipway/test/kit"
)

// inCBOR counts the calls that are made in CBOR.
type inCBOR int

func (n *inCBOR) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor" {
		*n++
	}
	return http.DefaultTransport.RoundTrip(r)
}

// TestMetrics reads the metrics of a service with the SDK for Go, which speaks CBOR with CloudWatch.
func TestMetrics(t *testing.T) {
	s := kit.Start(t, "timeouts: {stop: 1s}\n")
	s.PushMimic("mimic:v1", "v1")
	service := s.Run(s.Input("counted", "mimic:v1"))
	for range 7 {
		s.Get(service, "/")
	}
	key := newGoClient(t, s).Options().Credentials
	calls := inCBOR(0)
	client := cloudwatch.New(cloudwatch.Options{Region: s.Region, BaseEndpoint: new("http://" + s.API), Credentials: key, HTTPClient: &http.Client{Transport: &calls}})
	dimensions := []types.Dimension{{Name: new("ServiceName"), Value: new("counted")}, {Name: new("ServiceID"), Value: service.ServiceId}}
	end := time.Now().Add(time.Minute)
	in := &cloudwatch.GetMetricStatisticsInput{
		Namespace: new("AWS/AppRunner"), MetricName: new("Requests"), Dimensions: dimensions,
		StartTime: new(end.Add(-time.Hour)), EndTime: &end, Period: new(int32(3600)), Statistics: []types.Statistic{types.StatisticSum},
	}
	s.Eventually("the requests are counted", 20*time.Second, func() error {
		out, err := client.GetMetricStatistics(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, p := range out.Datapoints {
			sum += *p.Sum
		}
		if sum != 7 {
			return kit.Errorf("%v are", sum)
		}
		return nil
	})
	listed, err := client.ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{MetricName: new("RequestLatency"), RecentlyActive: types.RecentlyActivePt3h})
	if err != nil || len(listed.Metrics) != 2 || len(listed.Metrics[1].Dimensions) != 3 {
		t.Errorf("listed %+v, %v", listed, err)
	}
	data, err := client.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		StartTime: in.StartTime, EndTime: in.EndTime, MetricDataQueries: []types.MetricDataQuery{
			{Id: new("m"), ReturnData: new(false), MetricStat: &types.MetricStat{Metric: &types.Metric{Namespace: in.Namespace, MetricName: in.MetricName, Dimensions: dimensions}, Period: new(int32(60)), Stat: new("Sum")}},
			{Id: new("twice"), Expression: new("2 * m"), Label: new("${SUM}")},
		},
	})
	if err != nil || len(data.MetricDataResults) != 1 || *data.MetricDataResults[0].Label != "14" {
		t.Errorf("got %+v, %v", data, err)
	}
	in.Statistics, in.ExtendedStatistics = nil, nil
	_, err = client.GetMetricStatistics(t.Context(), in)
	refused, ok := errors.AsType[smithy.APIError](err)
	if !ok || refused.ErrorCode() != "MissingParameter" && refused.ErrorCode() != "MissingRequiredParameterException" {
		t.Errorf("without a statistic: %v", err)
	}
	if calls < 4 {
		t.Errorf("%d calls are in CBOR", calls)
	}
}
