package test

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	metricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spanpb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// traced is a receiver of OTLP.
type traced struct {
	mu      sync.Mutex
	spans   []*spanpb.Span
	metrics map[string]bool
	raw     []byte // everything that came
}

func (c *traced) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = append(c.raw, body...)
	var spans tracepb.ExportTraceServiceRequest
	var metrics metricspb.ExportMetricsServiceRequest
	switch {
	case err != nil || r.Header.Get("Api-Key") != "of the collector":
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == "/v1/traces" && proto.Unmarshal(body, &spans) == nil:
		for _, resource := range spans.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
	case r.URL.Path == "/v1/metrics" && proto.Unmarshal(body, &metrics) == nil:
		for _, resource := range metrics.ResourceMetrics {
			for _, scope := range resource.ScopeMetrics {
				for _, m := range scope.Metrics {
					c.metrics[m.Name] = true
				}
			}
		}
	default:
		w.WriteHeader(http.StatusBadRequest)
	}
}

// find returns the first span with a name and an attribute.
func (c *traced) find(name, key, value string) *spanpb.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.Name == name && attribute(s, key) == value {
			return s
		}
	}
	return nil
}

func attribute(s *spanpb.Span, key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.GetStringValue()
		}
	}
	return ""
}

// TestOTLP has a collector told of operations, starts, wakes, decisions and requests, and of metrics.
func TestOTLP(t *testing.T) {
	t.Parallel()
	c := &traced{metrics: map[string]bool{}}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	s := kit.Start(t, quick+"idle: {freeze-after: 1s}\notlp: {endpoint: "+server.URL+", headers: {Api-Key: of the collector}, interval: 1s, sample: 0}\n")
	s.PushMimic("mimic:v1", "v1")
	in := s.Input("traced", "mimic:v1")
	in.Tags = append(in.Tags, apprunnerapi.Tag{Key: new("slipway:idle"), Value: new("freeze")})
	in.AutoScalingConfigurationArn = s.Scaling("traced", 1, 1, 3)
	service, operation := s.Create(in)
	service = s.Await(*service.ServiceArn, apprunnerapi.ServiceStatusRunning)

	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	r, err := http.NewRequest(http.MethodGet, "http://"+*service.ServiceUrl+"/headers?secret=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Traceparent", "00-"+trace+"-"+span+"-01")
	_, _, headers := s.Send(r)
	var busy sync.WaitGroup
	for range 3 {
		busy.Go(func() { s.Get(service, "/sleep?d=2s") })
	}
	busy.Wait()
	found := func(name, key, value string) (span *spanpb.Span) {
		t.Helper()
		s.Eventually("there is a span "+name, 30*time.Second, func() error {
			if span = c.find(name, key, value); span == nil {
				return kit.Errorf("there is none")
			}
			return nil
		})
		return span
	}
	create := found("CREATE_SERVICE", "slipway.operation", operation)
	provision := found("provision", "slipway.operation", operation)
	if hex.EncodeToString(create.TraceId) != operation || string(provision.ParentSpanId) != string(create.SpanId) || len(create.ParentSpanId) != 0 {
		t.Errorf("the operation is %v, a step of it %v", create, provision)
	}
	found("start", "slipway.service", "traced")
	found("scale", "slipway.service", "traced")
	request := found("GET", "slipway.service", "traced")
	if hex.EncodeToString(request.TraceId) != trace || hex.EncodeToString(request.ParentSpanId) != span || attribute(request, "url.path") != "/headers" {
		t.Errorf("the request is %v", request)
	}
	if want := "Traceparent: 00-" + trace + "-" + hex.EncodeToString(request.SpanId) + "-01"; !strings.Contains(headers, want) {
		t.Errorf("the application got no %s:\n%s", want, headers)
	}
	time.Sleep(2500 * time.Millisecond) // it freezes
	s.Get(service, "/")
	found("wake", "slipway.from", "freeze")
	s.Eventually("metrics come", 10*time.Second, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.metrics["slipway_instance_requests_total"] {
			return kit.Errorf("there are %v", c.metrics)
		}
		return nil
	})
}
