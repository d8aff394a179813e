package enginetest

import (
	"context"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/engine"
)

var eventTests = []test{
	{"EventsTellOfChanges", func(t *testing.T, s *suite) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		events := s.Engine.Events(ctx)
		spec := s.spec("-term-code", "4")
		s.prepare(t, spec)
		wantEvent(t, events, spec.ID, engine.Prepared)
		if _, err := s.Engine.Start(t.Context(), spec.ID); err != nil {
			t.Fatal(err)
		}
		wantEvent(t, events, spec.ID, engine.Running)
		if err := s.Engine.Freeze(t.Context(), spec.ID); err != nil {
			t.Fatal(err)
		}
		wantEvent(t, events, spec.ID, engine.Frozen)
		if err := s.Engine.Thaw(t.Context(), spec.ID); err != nil {
			t.Fatal(err)
		}
		wantEvent(t, events, spec.ID, engine.Running)
		if err := s.Engine.Stop(t.Context(), spec.ID, 0); err != nil {
			t.Fatal(err)
		}
		if ev := wantEvent(t, events, spec.ID, engine.Exited); ev.Exit == nil || ev.Exit.Code != 137 {
			t.Errorf("event is %+v, want an exit with code 137", ev)
		}
		cancel()
		for range events { // closes with its context
		}
	}},
	{"ExitByItselfIsAnEvent", func(t *testing.T, s *suite) {
		events := s.Engine.Events(t.Context())
		spec := s.spec("-print", "100", "-exit", "9")
		s.start(t, spec)
		ev := wantEvent(t, events, spec.ID, engine.Exited)
		if ev.Exit == nil || ev.Exit.Code != 9 {
			t.Errorf("event is %+v, want an exit with code 9", ev)
		}
		if n := len(s.output(t, spec.ID)); n != 100 {
			t.Errorf("got %d lines when the exit was told, want all 100", n)
		}
	}},
	{"AReaderThatComesLaterLearnsThePresent", func(t *testing.T, s *suite) {
		spec := s.spec("-exit", "2")
		s.start(t, spec)
		s.exited(t, spec.ID)
		ev := wantEvent(t, s.Engine.Events(t.Context()), spec.ID, engine.Exited)
		if ev.Exit == nil || ev.Exit.Code != 2 {
			t.Errorf("event is %+v, want an exit with code 2", ev)
		}
	}},
	{"AReaderThatDoesNotReadHoldsNobodyUp", func(t *testing.T, s *suite) {
		_ = s.Engine.Events(t.Context())
		spec := s.spec("-exit", "0")
		s.start(t, spec)
		s.exited(t, spec.ID)
	}},
}

// wantEvent reads events until the instance reaches the state.
func wantEvent(t *testing.T, events <-chan engine.Event, id string, want engine.State) engine.Event {
	t.Helper()
	timeout := time.After(patience)
	var last engine.Event
	for {
		select {
		case ev, ok := <-events:
			if !ok {
				t.Fatalf("events ended before instance was %s", want)
			}
			if ev.ID != id {
				continue
			}
			if last = ev; ev.State == want {
				return ev
			}
		case <-timeout:
			t.Fatalf("no event that the instance is %s; the last was %+v", want, last)
		}
	}
}
