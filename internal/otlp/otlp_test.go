package otlp

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	promclient "github.com/prometheus/client_golang/prometheus"
	metricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spanpb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// collector is a receiver of OTLP, over HTTP and over gRPC.
type collector struct {
	tracepb.UnimplementedTraceServiceServer
	mu      sync.Mutex
	spans   []*spanpb.Span
	metrics map[string]float64
	service string
	header  string
}

func (c *collector) addSpans(in *tracepb.ExportTraceServiceRequest, header string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.header = header
	for _, r := range in.ResourceSpans {
		for _, a := range r.Resource.Attributes {
			if a.Key == "service.name" {
				c.service = a.Value.GetStringValue()
			}
		}
		for _, s := range r.ScopeSpans {
			c.spans = append(c.spans, s.Spans...)
		}
	}
}

func (c *collector) addMetrics(in *metricspb.ExportMetricsServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.metrics == nil {
		c.metrics = map[string]float64{}
	}
	for _, r := range in.ResourceMetrics {
		for _, s := range r.ScopeMetrics {
			for _, m := range s.Metrics {
				for _, p := range m.GetGauge().GetDataPoints() {
					c.metrics[m.Name] = p.GetAsDouble()
				}
			}
		}
	}
}

// ServeHTTP implements http.Handler.
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
	}
	switch r.URL.Path {
	case "/otel/v1/traces":
		var in tracepb.ExportTraceServiceRequest
		err = proto.Unmarshal(body, &in)
		c.addSpans(&in, r.Header.Get("Authorization"))
	case "/otel/v1/metrics":
		var in metricspb.ExportMetricsServiceRequest
		err = proto.Unmarshal(body, &in)
		c.addMetrics(&in)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
	}
}

// Export implements the service of traces over gRPC.
func (c *collector) Export(ctx context.Context, in *tracepb.ExportTraceServiceRequest) (*tracepb.ExportTraceServiceResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	c.addSpans(in, strings.Join(md.Get("authorization"), " "))
	return &tracepb.ExportTraceServiceResponse{}, nil
}

// meter is the service of metrics over gRPC.
type meter struct {
	metricspb.UnimplementedMetricsServiceServer
	c *collector
}

func (m meter) Export(_ context.Context, in *metricspb.ExportMetricsServiceRequest) (*metricspb.ExportMetricsServiceResponse, error) {
	m.c.addMetrics(in)
	return &metricspb.ExportMetricsServiceResponse{}, nil
}

// listen starts a collector and returns its endpoint.
func (c *collector) listen(t *testing.T, scheme string) string {
	t.Helper()
	if scheme == "http" {
		server := httptest.NewServer(c)
		t.Cleanup(server.Close)
		return server.URL + "/otel"
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	tracepb.RegisterTraceServiceServer(server, c)
	metricspb.RegisterMetricsServiceServer(server, meter{c: c})
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() { server.Stop(); <-done })
	return "grpc://" + l.Addr().String()
}

func TestExport(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"http", "grpc"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			c := &collector{}
			registry := promclient.NewRegistry()
			gauge := promclient.NewGauge(promclient.GaugeOpts{Name: "slipway_instances", Help: "Instances that run."})
			registry.MustRegister(gauge)
			gauge.Set(3)
			e, err := Open(t.Context(), Options{Endpoint: c.listen(t, scheme), Headers: map[string]string{"Authorization": "Bearer x"}, Interval: time.Hour, Metrics: registry})
			if err != nil {
				t.Fatal(err)
			}
			begin := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
			parent := Span{Trace: TraceID{1}, ID: SpanID{2}, Name: "parent", Server: true, Begin: begin, End: begin.Add(time.Second)}
			e.Span(parent)
			e.Span(Span{Trace: parent.Trace, Parent: parent.ID, Name: "child", Begin: begin, End: begin.Add(time.Millisecond), Failed: "why", Attributes: []Attribute{
				{"text", "x"}, {"empty", ""}, {"number", 7}, {"long", int64(8)}, {"share", 0.5}, {"yes", true},
			}})
			e.Span(Span{Name: "alone", Begin: begin, End: begin})
			if err := e.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(c.spans) != 3 || c.service != "slipway" || c.header != "Bearer x" || c.metrics["slipway_instances"] != 3 {
				t.Fatalf("%d spans of %q with %q, metrics %v", len(c.spans), c.service, c.header, c.metrics)
			}
			p, child, alone := c.spans[0], c.spans[1], c.spans[2]
			if TraceID(p.TraceId) != parent.Trace || SpanID(p.SpanId) != parent.ID || len(p.ParentSpanId) != 0 || p.Kind != spanpb.Span_SPAN_KIND_SERVER || p.EndTimeUnixNano-p.StartTimeUnixNano != 1e9 {
				t.Errorf("the parent is %v", p)
			}
			if TraceID(child.TraceId) != parent.Trace || SpanID(child.ParentSpanId) != parent.ID || child.Status.Message != "why" || child.Status.Code != spanpb.Status_STATUS_CODE_ERROR || len(child.Attributes) != 5 {
				t.Errorf("the child is %v", child)
			}
			if TraceID(alone.TraceId) == (TraceID{}) || TraceID(alone.TraceId) == parent.Trace || len(alone.ParentSpanId) != 0 {
				t.Errorf("the other is %v", alone)
			}
		})
	}
}

// A collector that is not there holds nobody up.
func TestExportToNobody(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // takes connections and says nothing
	e, err := Open(t.Context(), Options{Endpoint: "http://" + l.Addr().String(), Interval: time.Hour, Metrics: promclient.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	for range 20_000 { // more than the queue has room for
		e.Span(Span{Name: "x", Begin: begin, End: begin})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_ = e.Close(ctx)
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for endpoint, ok := range map[string]bool{
		"http://localhost:4318": true, "https://otel.example/prefix": true, "grpc://localhost:4317": true, "grpcs://otel.example:443": true,
		"": false, "localhost:4317": false, "ftp://x": false, "http://": false, "grpc://x:1/path": false, "https://u:p@otel.example": false, "http://x/?a=b": false,
	} {
		if err := CheckEndpoint(endpoint); (err == nil) != ok {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
	if _, err := Open(t.Context(), Options{}); err == nil {
		t.Error("an exporter without an endpoint is made")
	}
}
