package admin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/metrics"
)

func (w *world) Query(q metrics.Query) ([]metrics.Series, error) {
	w.query = q
	if q.Period > 24*time.Hour {
		return nil, fmt.Errorf("%w: a day is long enough", metrics.ErrRange)
	}
	return w.series, nil
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	w := &world{series: []metrics.Series{{Points: []metrics.Point{{Time: noon}}}, {Instance: "i1", Points: []metrics.Point{{Time: noon}}}}}
	for i := range w.series {
		w.series[i].Points[0].Values[metrics.Requests] = metrics.Statistic{Count: 2, Sum: 8, Min: 3, Max: 5}
	}
	w.series[0].Points[0].Values[metrics.QueueTime] = metrics.Statistic{Count: 1, Sum: 7, Min: 7, Max: 7, Buckets: &metrics.Buckets{19: 1}}
	status, body := send(t, admin.Service, http.MethodGet,
		serve(t, w)+"services/web/metrics?metric=requests&metric=QueueTime&from=2026-11-23T12:00:00Z&to=2026-11-23T13:00:00Z&period=300&instances=i1", "")
	var got admin.MetricsAnswer
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	seven := new(7.0)
	point := admin.MetricPoint{Time: noon, Samples: 2, Sum: 8, Average: 4, Minimum: 3, Maximum: 5}
	want := admin.MetricsAnswer{From: noon, To: noon.Add(time.Hour), Period: 300, Metrics: []admin.Metric{
		{Name: "Requests", Unit: "Count", Help: metrics.Requests.Help(), Series: []admin.MetricSeries{
			{Points: []admin.MetricPoint{point}}, {Instance: "i1", Points: []admin.MetricPoint{point}},
		}},
		{Name: "QueueTime", Unit: "Milliseconds", Help: metrics.QueueTime.Help(), Series: []admin.MetricSeries{
			{Points: []admin.MetricPoint{{Time: noon, Samples: 1, Sum: 7, Average: 7, Minimum: 7, Maximum: 7, P50: seven, P90: seven, P95: seven, P99: seven}}},
		}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	if q := w.query; q.Service != "0123" || q.Period != 5*time.Minute || !q.Instances("i1") || q.Instances("i2") {
		t.Errorf("asked for %+v", q)
	}
}

// Without parameters it is everything of the last hour; a longer time has longer periods.
func TestMetricsByDefault(t *testing.T) {
	t.Parallel()
	for query, want := range map[string][2]time.Duration{
		"": {time.Hour, time.Minute},
		"from=2026-11-22T12:00:00Z&to=2026-11-23T12:00:00Z":            {24 * time.Hour, 12 * time.Minute},
		"from=2026-11-22T12:00:00Z&to=2026-11-23T12:00:00Z&period=120": {24 * time.Hour, 2 * time.Minute},
	} {
		w := &world{}
		status, body := send(t, admin.Service, http.MethodGet, serve(t, w)+"services/web/metrics?"+query, "")
		if got := w.query.To.Sub(w.query.From); status != http.StatusOK || got != want[0] || w.query.Period != want[1] || w.query.Instances != nil {
			t.Errorf("%q: %d %.40s, asked for %v in periods of %v", query, status, body, got, w.query.Period)
		}
	}
}

func TestMetricsRefuses(t *testing.T) {
	t.Parallel()
	for query, words := range map[string]string{
		"metric=Speed":   `There is no metric \"Speed\". There are: [CPUUtilization`,
		"from=yesterday": `from=\"yesterday\" is not a time`,
		"to=13":          `to=\"13\" is not a time`,
		"period=1m":      `period=\"1m\" is not a number of seconds`,
		"period=100000":  `a day is long enough`,
	} {
		status, body := send(t, admin.Service, http.MethodGet, serve(t, &world{})+"services/web/metrics?"+query, "")
		if status != http.StatusBadRequest || !strings.Contains(body, words) {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
}
