package daemon

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/autoscale"
	"github.com/slipway-run/slipway/internal/build/plan"
	"github.com/slipway-run/slipway/internal/fleet"
	"github.com/slipway-run/slipway/internal/operation"
	"github.com/slipway-run/slipway/internal/telemetry"
)

// journal writes what happens to a service into its logs. A log that cannot be written must not stop
// the service: the daemon's own log then has the message.
type journal struct{ d *Daemon }

var (
	_ fleet.Journal     = journal{}
	_ operation.Journal = journal{}
	_ admin.Logs        = reader{}
	_ admin.Scalings    = reader{}
)

func logged(s apprunner.Service) telemetry.Service { return telemetry.Service{Name: s.Name, ID: s.ID} }

// Event implements fleet.Journal and operation.Journal.
func (j journal) Event(s apprunner.Service, message string) {
	j.check(s, message, j.d.logs.Event(logged(s), time.Now(), message))
}

// Deployment implements operation.Journal.
func (j journal) Deployment(s apprunner.Service, operationID, message string) {
	j.check(s, message, j.d.logs.Deployment(logged(s), operationID, time.Now(), message))
}

// Build implements operation.Journal.
func (j journal) Build(s apprunner.Service, operationID string, phase plan.Phase, line string) {
	name := cmp.Or(string(phase), "AppRunner")
	j.check(s, line, j.d.logs.Build(logged(s), operationID, time.Now(), name, line))
}

// Scaled implements fleet.Journal.
func (j journal) Scaled(s apprunner.Service, decision autoscale.Record) {
	text, err := json.Marshal(decision)
	if err == nil {
		err = j.d.logs.Scaling(logged(s), decision.Time, string(text))
	}
	j.check(s, decision.Reason, err)
	if j.d.otlp != nil {
		j.d.otlp.Span(decided(s, decision))
	}
}

// Started implements fleet.Journal.
func (j journal) Started(s apprunner.Service, instanceID string) {
	j.check(s, instanceID, j.d.logs.AddInstance(logged(s), instanceID, time.Now()))
}

// Ended implements fleet.Journal.
func (j journal) Ended(s apprunner.Service, instanceID string) {
	j.check(s, instanceID, j.d.logs.RemoveInstance(j.d.ctx, logged(s), instanceID, time.Now()))
}

func (j journal) check(s apprunner.Service, what string, err error) {
	if err != nil {
		j.d.log.Error("a service's log was not written", "service", s.Name, "what", what, "error", err)
	}
}

// reader reads logs for the admin API.
type reader struct{ d *Daemon }

// Read implements admin.Logs.
func (r reader) Read(ctx context.Context, s apprunner.Service, stream string, since time.Time, follow bool) iter.Seq2[admin.Line, error] {
	query := telemetry.Query{Group: logged(s).ServiceGroup(), Stream: stream, Since: since, Follow: follow}
	switch stream {
	case admin.Application:
		query.Group, query.Stream = logged(s).ApplicationGroup(), ""
	case admin.Access:
		query.Group, query.Stream = logged(s).AccessGroup(), ""
	}
	return func(yield func(admin.Line, error) bool) {
		for line, err := range r.d.logs.Read(ctx, query) {
			if errors.Is(err, telemetry.ErrNotFound) {
				err = apprunner.Errorf(apprunner.ResourceNotFound, "Service %q has no log %q yet.", s.Name, stream)
			}
			if !yield(admin.Line{Time: line.Time, Stream: line.Stream, Text: line.Text}, err) {
				return
			}
		}
	}
}

// Scaling implements admin.Scalings.
func (r reader) Scaling(ctx context.Context, s apprunner.Service, since time.Time) (admin.Scaling, error) {
	scaling := admin.Scaling{Decisions: []autoscale.Record{}}
	if now, ok := r.d.fleet.Scaling(s.ID); ok {
		scaling.Now = &now
	}
	query := telemetry.Query{Group: logged(s).ServiceGroup(), Stream: telemetry.ScalingStream, Since: since}
	for line, err := range r.d.logs.Read(ctx, query) {
		if errors.Is(err, telemetry.ErrNotFound) {
			break // nothing was decided yet
		}
		if err != nil {
			return scaling, err
		}
		var decision autoscale.Record
		if json.Unmarshal([]byte(line.Text), &decision) == nil { // a piece of a line that was cut is none
			scaling.Decisions = append(scaling.Decisions, decision)
		}
	}
	return scaling, nil
}
