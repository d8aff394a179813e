package otlp

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// spans records what is told, briefly.
type spans struct {
	all  []Span
	text []string
}

func (s *spans) add(one Span) {
	s.all = append(s.all, one)
	s.text = append(s.text, strings.TrimSpace(fmt.Sprintf("%s %v %s", one.Name, one.End.Sub(one.Begin), one.Failed)))
}

func (s *spans) operations() *Operations {
	return &Operations{Span: s.add, Service: func(string) string { return "web" }}
}

func TestOperationIsASpanWithItsSteps(t *testing.T) {
	t.Parallel()
	var got spans
	ops := got.operations()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	o := apprunner.Operation{ID: apprunner.NewID(), ServiceID: "1", Type: apprunner.CreateService, Status: apprunner.OperationPending, Step: apprunner.StepResolve, StartedAt: now, UpdatedAt: now}
	ops.Recorded(o)
	for _, d := range []time.Duration{1, 2} { // resolve takes 1 s, pull 2 s
		now = now.Add(d * time.Second)
		o = apprunner.Advance(o, now)
		ops.Recorded(o)
	}
	ops = got.operations() // the daemon was killed
	ops.Resume(o)
	now = now.Add(5 * time.Second)
	o = apprunner.Fail(o, "it never listened", now)
	ops.Recorded(o)
	now = now.Add(time.Second)
	_, o = apprunner.RolledBack(apprunner.Service{}, o, now)
	ops.Recorded(o)
	want := "resolve 1s|pull 2s|provision 5s it never listened|rollback 1s|CREATE_SERVICE 9s it never listened"
	if text := strings.Join(got.text, "|"); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	root := got.all[len(got.all)-1]
	for _, s := range got.all[:len(got.all)-1] {
		if s.Trace != root.Trace || s.Parent != root.ID || root.Parent != (SpanID{}) || hex.EncodeToString(s.Trace[:]) != o.ID {
			t.Errorf("%+v is not below %+v, or its trace is not the operation", s, root)
		}
	}
	if len(ops.last) != 0 {
		t.Error("an operation that is over is remembered")
	}
}

func TestIDsOfOperations(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "x", strings.Repeat("g", 32), strings.Repeat("a", 64)} {
		if trace, span := operationIDs(id); trace == (TraceID{}) || span == (SpanID{}) {
			t.Errorf("%q has the ids %v and %v", id, trace, span)
		}
	}
}
