package daemon

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/autoscale"
	"github.com/slipway-run/slipway/internal/fleet"
	"github.com/slipway-run/slipway/internal/metrics/expose"
	"github.com/slipway-run/slipway/internal/otlp"
	"github.com/slipway-run/slipway/internal/router"
)

// OTLPConfig is the collector that is told what Slipway does. Where applications send theirs is
// ObservabilityConfig.
type OTLPConfig struct {
	Endpoint string            `yaml:"endpoint"` // http, https, grpc or grpcs; empty for none
	Headers  map[string]string `yaml:"headers"`
	Interval time.Duration     `yaml:"interval"` // between two exports of metrics
	// Sample is the share of requests that are told of, from 0 to 1, of those whose caller has not decided.
	Sample float64 `yaml:"sample"`
}

func (c OTLPConfig) validate() (errs []error) {
	if c.Endpoint != "" {
		if err := otlp.CheckEndpoint(c.Endpoint); err != nil {
			errs = append(errs, fmt.Errorf("otlp.endpoint %q: %w", c.Endpoint, err))
		}
	}
	if c.Interval < time.Second {
		errs = append(errs, fmt.Errorf("otlp.interval is %v: it must be at least 1s", c.Interval))
	}
	if !(c.Sample >= 0 && c.Sample <= 1) {
		errs = append(errs, fmt.Errorf("otlp.sample is %v: it must be from 0 to 1", c.Sample))
	}
	return errs
}

// openOTLP begins to tell the collector, if there is one.
func (d *Daemon) openOTLP() (err error) {
	c := d.config.OTLP
	if c.Endpoint == "" {
		return nil
	}
	log := d.log.With("component", "otlp")
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("the collector was not told", "endpoint", c.Endpoint, "error", err) }))
	d.otlp, err = otlp.Open(d.ctx, otlp.Options{
		Endpoint: c.Endpoint, Headers: c.Headers, Interval: c.Interval, Version: d.config.Version,
		Instance: d.config.DataDir, Metrics: expose.Registry(counts{d}, d.config.Version),
	})
	if err != nil {
		return err
	}
	d.operations = &otlp.Operations{Span: d.otlp.Span, Service: func(id string) string {
		s, err := d.store.Service(d.ctx, id)
		if err != nil {
			return "" // it is told by its id alone
		}
		return s.Name
	}}
	unfinished, err := d.store.Unfinished(d.ctx)
	for _, o := range unfinished {
		d.operations.Resume(o)
	}
	return err
}

// lastSpans is how long the end of the daemon waits for a collector.
const lastSpans = 3 * time.Second

func (d *Daemon) closeOTLP() {
	if d.otlp == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), lastSpans)
	defer cancel()
	if err := d.otlp.Close(ctx); err != nil {
		d.log.Warn("the collector was not told everything", "error", err)
	}
}

// did tells of a start or a wake.
func (d *Daemon) did(deed fleet.Deed) {
	if d.otlp == nil {
		return
	}
	s := otlp.Span{Name: string(deed.Kind), Begin: deed.Begin, End: deed.End, Attributes: append(ofService(deed.Service),
		otlp.Attribute{Key: "slipway.revision", Value: deed.Revision}, otlp.Attribute{Key: "slipway.instance", Value: deed.Instance}, otlp.Attribute{Key: "slipway.from", Value: deed.From})}
	if deed.Err != nil {
		s.Failed = deed.Err.Error()
	}
	d.otlp.Span(s)
}

// decided is a decision of the autoscaler as a span that takes no time.
func decided(s apprunner.Service, r autoscale.Record) otlp.Span {
	return otlp.Span{Name: "scale", Begin: r.Time, End: r.Time, Attributes: append(ofService(s),
		otlp.Attribute{Key: "slipway.scaling.from", Value: r.From}, otlp.Attribute{Key: "slipway.scaling.to", Value: r.To},
		otlp.Attribute{Key: "slipway.scaling.need", Value: r.Need}, otlp.Attribute{Key: "slipway.scaling.reason", Value: r.Reason})}
}

func ofService(s apprunner.Service) []otlp.Attribute {
	return []otlp.Attribute{{Key: "slipway.service", Value: s.Name}, {Key: "slipway.service.id", Value: s.ID}, {Key: "cloud.region", Value: s.Region}}
}

// tracing is how the router tells of requests, nil without a collector.
func (d *Daemon) tracing() *router.Tracing {
	if d.config.OTLP.Endpoint == "" {
		return nil
	}
	return &router.Tracing{Share: d.config.OTLP.Sample, Span: func(r *router.Span) { d.otlp.Span(requested(r)) }}
}

// requested is a request as a span, in the words of OpenTelemetry's conventions for HTTP.
func requested(r *router.Span) otlp.Span {
	s := otlp.Span{Trace: r.Trace, ID: r.ID, Parent: r.Parent, Server: true, Name: r.Method, Begin: r.Begin, End: r.End, Attributes: []otlp.Attribute{
		{Key: "http.request.method", Value: r.Method}, {Key: "http.response.status_code", Value: r.Status},
		{Key: "url.scheme", Value: r.Scheme}, {Key: "url.path", Value: r.Path}, {Key: "server.address", Value: r.Host},
		{Key: "slipway.service", Value: r.Service}, {Key: "slipway.service.id", Value: r.ServiceID}, {Key: "slipway.instance", Value: r.Instance},
		{Key: "slipway.request.id", Value: r.RequestID},
		{Key: "slipway.queued_ms", Value: milliseconds(r.Queued)}, {Key: "slipway.woke_ms", Value: milliseconds(r.Woke)}, {Key: "slipway.app_ms", Value: milliseconds(r.App)},
	}}
	if r.Failure != "" {
		s.Failed = r.Failure
	} else if r.Status >= 500 {
		s.Failed = "the application answered " + strconv.Itoa(r.Status)
	}
	return s
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
