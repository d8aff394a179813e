package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	f := start(t, map[string][]string{"GET /slipway/v1/services/web/metrics": {`{"from":"2026-11-23T12:00:00Z","to":"2026-11-23T12:04:00Z","period":60,"metrics":[
		{"name":"Requests","unit":"Count","series":[{"points":[
			{"time":"2026-11-23T12:00:00Z","samples":1,"sum":8,"average":8,"minimum":8,"maximum":8},
			{"time":"2026-11-23T12:03:00Z","samples":1,"sum":4,"average":4,"minimum":4,"maximum":4}]}]},
		{"name":"RequestLatency","unit":"Milliseconds","series":[{"points":[]},{"instance":"0123456789abcdef","points":[
			{"time":"2026-11-23T12:01:00Z","samples":4,"sum":10,"average":2.5,"minimum":1.234567,"maximum":7,"p50":2,"p95":6.5,"p99":7}]}]}]}`}})
	code, out, stderr := f.slipway("metrics", "web")
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var got []string
	for line := range strings.Lines(out) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"METRIC UNIT LAST AVERAGE MINIMUM MAXIMUM SUM P95 OVER TIME",
		"Requests Count 4 6 4 8 12 █ ▄",
		"RequestLatency [01234567] Milliseconds 2.5 2.5 1.23 7 6.5 █",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	_, out, _ = f.slipway("metrics", "web", "--metric", "RequestLatency")
	if !strings.Contains(out, "RequestLatency [01234567], Milliseconds, in periods of 1m0s\n") || !strings.Contains(out, "  4        10   2.5      1.23     7        2    6.5  7\n") {
		t.Errorf("one metric over time:\n%s", out)
	}
	if code, out, _ := f.slipway("metrics", "web", "--output", "json"); code != 0 || !strings.Contains(out, `"p95": 6.5`) {
		t.Errorf("as JSON:\n%s", out)
	}
	if code, _, stderr := f.slipway("metrics", "none"); code != 1 || !strings.Contains(stderr, "nothing for") {
		t.Errorf("an unknown service: %d %s", code, stderr)
	}
}

func TestSparkline(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(minute int, v float64) admin.MetricPoint {
		return admin.MetricPoint{Time: from.Add(time.Duration(minute) * time.Minute), Average: v}
	}
	for name, c := range map[string]struct {
		minutes int
		points  []admin.MetricPoint
		want    string
	}{
		"nothing":     {3, nil, "   "},
		"zeros":       {3, []admin.MetricPoint{at(0, 0), at(2, 0)}, "▁ ▁"},
		"a slope":     {4, []admin.MetricPoint{at(0, 0), at(1, 1), at(2, 2), at(3, 3)}, "▁▃▅█"},
		"highest won": {400, []admin.MetricPoint{at(0, 1), at(1, 7), at(399, 7)}, "█" + strings.Repeat(" ", 38) + "█"},
		"begins late": {3, []admin.MetricPoint{at(-1, 3), at(9, 3)}, "█ █"},
		"no time":     {0, []admin.MetricPoint{at(0, 3)}, ""},
	} {
		answer := admin.MetricsAnswer{From: from, To: from.Add(time.Duration(c.minutes) * time.Minute), Period: 60}
		if got := sparkline(admin.Metric{Unit: "Percent"}, admin.MetricSeries{Points: c.points}, answer); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
