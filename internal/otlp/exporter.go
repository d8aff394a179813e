package otlp

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	promclient "github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Options of an Exporter. Endpoint must be set.
type Options struct {
	Endpoint string            // of a collector: http, https, grpc (without TLS) or grpcs, host and port
	Headers  map[string]string // sent with each export
	Interval time.Duration     // between two exports of metrics
	Version  string            // of Slipway
	Instance string            // tells this Slipway from others
	Metrics  promclient.Gatherer
}

// CheckEndpoint says what is wrong with an endpoint.
func CheckEndpoint(endpoint string) error {
	_, err := parse(endpoint)
	return err
}

var errEndpoint = errors.New("it is not that of an OTLP collector, such as http://localhost:4318, https://…, grpc://localhost:4317 or grpcs://…")

func parse(endpoint string) (*url.URL, error) {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "":
		return nil, errEndpoint
	case u.Scheme == "http" || u.Scheme == "https":
		return u, nil
	case (u.Scheme == "grpc" || u.Scheme == "grpcs") && strings.Trim(u.Path, "/") == "":
		return u, nil
	default:
		return nil, errEndpoint
	}
}

// Exporter sends spans and metrics.
type Exporter struct {
	spans   *sdk.TracerProvider
	tracer  trace.Tracer
	metrics *metric.MeterProvider
}

// Open makes an exporter. The collector need not be there.
func Open(ctx context.Context, o Options) (*Exporter, error) {
	u, err := parse(o.Endpoint)
	if err != nil {
		return nil, err
	}
	spans, err := spanExporter(ctx, u, o.Headers)
	if err != nil {
		return nil, fmt.Errorf("export spans to %s: %w", o.Endpoint, err)
	}
	readings, err := metricExporter(ctx, u, o.Headers)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("export metrics to %s: %w", o.Endpoint, err), spans.Shutdown(ctx))
	}
	who := resource.NewSchemaless(
		attribute.String("service.name", "slipway"), attribute.String("service.version", o.Version), attribute.String("service.instance.id", o.Instance))
	e := &Exporter{
		spans: sdk.NewTracerProvider(sdk.WithBatcher(spans), sdk.WithResource(who), sdk.WithIDGenerator(chosen{}), sdk.WithSampler(sdk.AlwaysSample())),
		metrics: metric.NewMeterProvider(metric.WithResource(who), metric.WithReader(metric.NewPeriodicReader(readings,
			metric.WithInterval(o.Interval), metric.WithProducer(prometheus.NewMetricProducer(prometheus.WithGatherer(o.Metrics)))))),
	}
	e.tracer = e.spans.Tracer("github.com/slipway-run/slipway")
	return e, nil
}

// Close sends what is left, as long as ctx lasts.
func (e *Exporter) Close(ctx context.Context) error {
	return errors.Join(e.spans.Shutdown(ctx), e.metrics.Shutdown(ctx))
}

func spanExporter(ctx context.Context, u *url.URL, headers map[string]string) (*otlptrace.Exporter, error) {
	switch u.Scheme {
	case "grpc":
		return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(u.Host), otlptracegrpc.WithInsecure(), otlptracegrpc.WithHeaders(headers))
	case "grpcs":
		return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(u.Host), otlptracegrpc.WithHeaders(headers))
	default:
		return otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.JoinPath("v1", "traces").String()), otlptracehttp.WithHeaders(headers))
	}
}

func metricExporter(ctx context.Context, u *url.URL, headers map[string]string) (metric.Exporter, error) {
	switch u.Scheme {
	case "grpc":
		return otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpoint(u.Host), otlpmetricgrpc.WithInsecure(), otlpmetricgrpc.WithHeaders(headers))
	case "grpcs":
		return otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpoint(u.Host), otlpmetricgrpc.WithHeaders(headers))
	default:
		return otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(u.JoinPath("v1", "metrics").String()), otlpmetrichttp.WithHeaders(headers))
	}
}
