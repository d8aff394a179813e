package expose

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/slipway-run/slipway/internal/metrics"
)

// source has services with the same instances.
type source struct {
	services, instances int
	collected           bool
}

func (s *source) Read(_ context.Context, collect bool) (all []metrics.Reading) {
	s.collected = s.collected || collect
	for i := range s.services {
		counts := metrics.Counts{Requests: 7, Status: [6]int64{1, 0, 3, 0, 2, 1}, InFlight: 2, Load: 1.5, Latency: metrics.Durations{Count: 6, Sum: 3 * time.Second}}
		counts.Latency.Buckets[20] = 4 // up to 10 ms
		counts.Latency.Buckets[len(metrics.Bounds)] = 2
		r := metrics.Reading{ID: fmt.Sprint(i), Name: "web", Region: "eu-west-1", Serving: true, Counts: counts, Queued: 3, ColdStarts: 1}
		for j := range s.instances {
			r.Instances = append(r.Instances, metrics.InstanceReading{
				ID: fmt.Sprint(j), Counts: counts, Known: j == 0, CPU: 1500 * time.Millisecond, CPULimit: 0.25, Memory: 100, MemoryLimit: 1000,
			})
		}
		all = append(all, r)
	}
	return all
}

func scrape(t *testing.T, h http.Handler) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("got %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestScrape(t *testing.T) {
	s := &source{services: 1, instances: 2}
	text := scrape(t, Handler(s, "v1"))
	const web = `region="eu-west-1",service="web",service_id="0"`
	for _, line := range []string{
		`slipway_build_info{version="v1"} 1`,
		`slipway_service_requests_total{code="2xx",` + web + `} 3`,
		`slipway_service_requests_total{code="none",` + web + `} 1`,
		`slipway_service_request_duration_seconds_bucket{` + web + `,le="0.01"} 4`,
		`slipway_service_request_duration_seconds_bucket{` + web + `,le="120"} 4`,
		`slipway_service_request_duration_seconds_bucket{` + web + `,le="+Inf"} 6`,
		`slipway_service_request_duration_seconds_sum{` + web + `} 3`,
		`slipway_service_queued_requests{` + web + `} 3`,
		`slipway_service_instances{` + web + `} 2`,
		`slipway_service_cold_starts_total{` + web + `} 1`,
		`slipway_instance_cpu_seconds_total{instance_id="0",` + web + `} 1.5`,
		`slipway_instance_memory_limit_bytes{instance_id="0",` + web + `} 1000`,
		`slipway_instances_without_series 0`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("the scrape has no line %s", line)
		}
	}
	if strings.Contains(text, `slipway_instance_cpu_seconds_total{instance_id="1"`) {
		t.Error("an instance of which nothing is known uses processor time")
	}
	if s.collected {
		t.Error("a scrape takes the extremes away from those who keep metrics")
	}
}

// Prometheus's own linter finds nothing.
func TestNamesFollowTheConventions(t *testing.T) {
	problems, err := testutil.GatherAndLint(Registry(&source{services: 1, instances: 1}, "v1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestSeriesAreBounded(t *testing.T) {
	s := &source{services: 30, instances: 50}
	text := scrape(t, Handler(s, "v1"))
	if n := strings.Count(text, "slipway_instance_in_flight_requests{"); n != MaxInstances {
		t.Errorf("%d instances have series, want %d", n, MaxInstances)
	}
	if !strings.Contains(text, "slipway_instances_without_series 500\n") {
		t.Error("the others are not counted")
	}
	s.services = 0
	if text := scrape(t, Handler(s, "v1")); strings.Contains(text, `service="web"`) {
		t.Error("a service that is gone has series")
	}
}
