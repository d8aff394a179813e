package enginetest

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/engine"
)

// restartTests reopen the engine, so they run one after the other.
var restartTests = []test{
	{"InstancesOutliveTheProcess", func(t *testing.T, s *suite) {
		running, frozen, prepared, exited := s.spec("-print", "1"), s.spec(), s.spec(), s.spec("-exit", "3")
		inst := s.serve(t, running)
		icy := s.serve(t, frozen)
		if err := s.Engine.Freeze(t.Context(), frozen.ID); err != nil {
			t.Fatal(err)
		}
		s.prepare(t, prepared)
		s.start(t, exited)
		s.exited(t, exited.ID)
		before := s.list(t)

		s.Engine = s.Reopen(t)
		if diff := cmp.Diff(before, s.list(t), cmp.Comparer(sameAddr)); diff != "" {
			t.Errorf("instances changed (-before +after):\n%s", diff)
		}
		if _, err := get(t, inst, "/print", url.Values{"text": {"after"}}); err != nil {
			t.Errorf("a running instance does not answer: %v", err)
		}
		eventually(t, "output goes on", func() error { return wantText(s.output(t, running.ID), "after") })
		if err := s.Engine.Thaw(t.Context(), frozen.ID); err != nil {
			t.Errorf("Thaw: %v", err)
		}
		if _, err := get(t, icy, "/status", nil); err != nil {
			t.Errorf("a thawed instance does not answer: %v", err)
		}
		if _, err := s.Engine.Start(t.Context(), prepared.ID); err != nil {
			t.Errorf("Start of an instance prepared before: %v", err)
		}
		if err := s.Engine.Stop(t.Context(), running.ID, patience); err != nil {
			t.Errorf("Stop: %v", err)
		}
	}},
	{"ExitThatNobodyWatchedIsReported", func(t *testing.T, s *suite) {
		spec := s.spec("-eat", "128")
		spec.Memory = 64 * mib
		s.prepare(t, spec)
		quick := s.spec("-print", "10", "-exit", "8")
		s.prepare(t, quick)
		for _, id := range []string{spec.ID, quick.ID} {
			if _, err := s.Engine.Start(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		s.Engine = s.Reopen(t)
		events := s.Engine.Events(t.Context())
		if ev := wantEvent(t, events, quick.ID, engine.Exited); ev.Exit == nil || ev.Exit.Code != 8 {
			t.Errorf("event is %+v, want an exit with code 8", ev)
		}
		if exit := s.exited(t, spec.ID); !exit.OutOfMemory {
			t.Errorf("exit is %+v, want out of memory", exit)
		}
		if n := len(s.output(t, quick.ID)); n != 10 {
			t.Errorf("got %d lines, want 10", n)
		}
	}},
	{"FollowingGoesOnAfterReopen", func(t *testing.T, s *suite) {
		spec := s.spec("-print", "1", "-line", "first")
		inst := s.serve(t, spec)
		s.Engine = s.Reopen(t)
		lines, err := s.Engine.Logs(t.Context(), spec.ID, time.Time{}, true)
		if err != nil {
			t.Fatalf("Logs: %v", err)
		}
		wantLine(t, lines, "first")
		if _, err := get(t, inst, "/print", url.Values{"text": {"second"}}); err != nil {
			t.Fatal(err)
		}
		wantLine(t, lines, "second")
	}},
	{"EgressIsLimitedAlsoAfterReopen", func(t *testing.T, s *suite) {
		given := netip.AddrPortFrom(s.Host, listen(t, "0.0.0.0:"+strconv.Itoa(s.HostPort)).Port())
		rule := func(port int) engine.EgressRule {
			return engine.EgressRule{To: netip.PrefixFrom(s.Host, 32), Protocol: "tcp", Ports: []engine.PortRange{{First: port, Last: port}}}
		}
		free, limited, allowed := s.spec(), s.spec(), s.spec()
		limited.Egress = &engine.Egress{Allow: []engine.EgressRule{rule(s.HostPort%65535 + 1)}}
		allowed.Egress = &engine.Egress{Allow: []engine.EgressRule{rule(s.HostPort)}}
		instances := []struct {
			what string
			inst engine.Instance
			want bool
		}{{"without limits", s.serve(t, free), true}, {"limited to another port", s.serve(t, limited), false}, {"allowed the port", s.serve(t, allowed), true}}
		for _, when := range []string{"before", "after"} {
			for _, i := range instances {
				if err := connect(t, i.inst, given); (err == nil) != i.want {
					t.Errorf("%s, an instance %s connects: %v", when, i.what, err)
				}
			}
			if when == "before" {
				s.Engine = s.Reopen(t)
			}
		}
	}},
}

func (s *suite) list(t *testing.T) []engine.Instance {
	t.Helper()
	list, err := s.Engine.List(t.Context())
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	slices.SortFunc(list, func(a, b engine.Instance) int { return strings.Compare(a.ID, b.ID) })
	return list
}
