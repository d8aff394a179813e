package otlp

import (
	"context"
	"crypto/rand"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// TraceID is the id of a trace, as W3C Trace Context has it.
type TraceID [16]byte

// SpanID is the id of a span in a trace, likewise.
type SpanID [8]byte

// Span is something that was done. Ids that are zero are made; a span without a parent begins its trace.
type Span struct {
	Trace      TraceID
	ID, Parent SpanID
	Name       string
	Server     bool // it answers a request
	Begin, End time.Time
	Failed     string // why it failed
	Attributes []Attribute
}

// Attribute is what is known of a span. Its value is a string, a bool, an int, an int64 or a float64.
type Attribute struct {
	Key   string
	Value any
}

// Span sends a span, soon.
func (e *Exporter) Span(s Span) {
	s.choose()
	ctx := context.WithValue(context.Background(), chosenKey{}, s)
	if s.Parent != (SpanID{}) {
		ctx = trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID(s.Trace), SpanID: trace.SpanID(s.Parent), TraceFlags: trace.FlagsSampled, Remote: true,
		}))
	}
	kind := trace.SpanKindInternal
	if s.Server {
		kind = trace.SpanKindServer
	}
	_, span := e.tracer.Start(ctx, s.Name, trace.WithTimestamp(s.Begin), trace.WithSpanKind(kind), trace.WithAttributes(attributes(s.Attributes)...))
	if s.Failed != "" {
		span.SetStatus(codes.Error, s.Failed)
	}
	span.End(trace.WithTimestamp(s.End))
}

// choose makes the ids that are missing.
func (s *Span) choose() {
	if s.Trace == (TraceID{}) {
		_, _ = rand.Read(s.Trace[:]) // never fails
	}
	if s.ID == (SpanID{}) {
		_, _ = rand.Read(s.ID[:])
	}
}

func attributes(all []Attribute) []attribute.KeyValue {
	out := make([]attribute.KeyValue, 0, len(all))
	for _, a := range all {
		switch v := a.Value.(type) {
		case string:
			if v != "" {
				out = append(out, attribute.String(a.Key, v))
			}
		case bool:
			out = append(out, attribute.Bool(a.Key, v))
		case int:
			out = append(out, attribute.Int(a.Key, v))
		case int64:
			out = append(out, attribute.Int64(a.Key, v))
		case float64:
			out = append(out, attribute.Float64(a.Key, v))
		}
	}
	return out
}

// chosen gives spans the ids that they were sent with.
type chosen struct{}

type chosenKey struct{}

// NewIDs implements the generator of ids of the SDK.
func (chosen) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	s, _ := ctx.Value(chosenKey{}).(Span)
	return trace.TraceID(s.Trace), trace.SpanID(s.ID)
}

// NewSpanID implements the generator of ids of the SDK.
func (chosen) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	s, _ := ctx.Value(chosenKey{}).(Span)
	return trace.SpanID(s.ID)
}
