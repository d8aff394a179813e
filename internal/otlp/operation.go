package otlp

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Operations makes a span of each operation, and below it one of each of its steps. The trace has the id of
// the operation, so it is found by what the API tells, and goes on after a crash of the daemon.
type Operations struct {
	Span    func(Span)
	Service func(id string) string // its name

	mu   sync.Mutex
	last map[string]step // by the id of the operation
}

// step is what an operation is doing.
type step struct {
	name  apprunner.Step
	since time.Time
}

// Resume tells of an operation that an earlier daemon left.
func (t *Operations) Resume(o apprunner.Operation) { t.remember(o) }

// Recorded tells how far an operation is.
func (t *Operations) Recorded(o apprunner.Operation) {
	before, known := t.remember(o)
	trace, root := operationIDs(o.ID)
	name := t.Service(o.ServiceID)
	about := []Attribute{
		{"slipway.service", name}, {"slipway.service.id", o.ServiceID}, {"slipway.operation", o.ID}, {"slipway.operation.type", string(o.Type)},
	}
	if known && o.UpdatedAt.After(before.since) {
		s := Span{Trace: trace, Parent: root, Name: string(before.name), Begin: before.since, End: o.UpdatedAt, Attributes: about}
		if o.Step == apprunner.StepRollback && before.name != apprunner.StepRollback {
			s.Failed = o.Reason
		}
		t.Span(s)
	}
	if !o.Status.Ended() {
		return
	}
	s := Span{Trace: trace, ID: root, Name: string(o.Type), Begin: o.StartedAt, End: o.EndedAt, Attributes: append(about,
		Attribute{"slipway.operation.status", string(o.Status)}, Attribute{"slipway.operation.trigger", o.Trigger}, Attribute{"slipway.source", o.Source})}
	if o.Status != apprunner.OperationSucceeded {
		s.Failed = o.Reason
	}
	t.Span(s)
}

// remember notes what an operation does now, and returns what it did before.
func (t *Operations) remember(o apprunner.Operation) (before step, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before, known = t.last[o.ID]
	if t.last == nil {
		t.last = map[string]step{}
	}
	t.last[o.ID] = step{o.Step, o.UpdatedAt}
	if o.Status.Ended() {
		delete(t.last, o.ID)
	}
	return before, known
}

// operationIDs are the ids of the trace and the span of an operation.
func operationIDs(id string) (t TraceID, s SpanID) {
	sum := sha256.Sum256([]byte(id))
	copy(s[:], sum[:])
	if decoded, err := hex.DecodeString(id); err == nil && len(decoded) == len(t) {
		return TraceID(decoded), s
	}
	copy(t[:], sum[len(s):])
	return t, s
}
