package enginetest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-run/slipway/internal/engine"
)

var lifecycleTests = []test{
	{"PreparedInstanceIsListedWithItsLabels", func(t *testing.T, s *suite) {
		spec := s.spec()
		inst := s.prepare(t, spec)
		if inst.State != engine.Prepared || inst.ID != spec.ID {
			t.Errorf("Prepare returned %+v, want id %s, state PREPARED", inst, spec.ID)
		}
		list, err := s.Engine.List(t.Context())
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		i := slices.IndexFunc(list, func(i engine.Instance) bool { return i.ID == spec.ID })
		if i < 0 {
			t.Fatalf("List lacks instance %s", spec.ID)
		}
		if diff := cmp.Diff(spec.Labels, list[i].Labels); diff != "" {
			t.Errorf("labels (-want +got):\n%s", diff)
		}
		if list[i].State != engine.Prepared {
			t.Errorf("state is %s, want PREPARED", list[i].State)
		}
	}},
	{"PrepareAgainReturnsTheSameInstance", func(t *testing.T, s *suite) {
		spec := s.spec()
		first := s.serve(t, spec)
		second, err := s.Engine.Prepare(t.Context(), spec)
		if err != nil {
			t.Fatalf("Prepare again: %v", err)
		}
		if diff := cmp.Diff(first, second, cmp.Comparer(sameAddr)); diff != "" {
			t.Errorf("instances differ (-first +second):\n%s", diff)
		}
	}},
	{"StartRunsTheCommandAndIsIdempotent", func(t *testing.T, s *suite) {
		spec := s.spec()
		begin := time.Now().Add(-time.Second)
		first := s.serve(t, spec)
		if first.State != engine.Running || first.StartedAt.Before(begin) || first.StartedAt.After(time.Now()) {
			t.Errorf("Start returned %+v, want RUNNING, started now", first)
		}
		pid := s.status(t, first).Status["NSpid"]
		second, err := s.Engine.Start(t.Context(), spec.ID)
		if err != nil || second.State != engine.Running {
			t.Fatalf("Start again returned %+v, %v", second, err)
		}
		if again := s.status(t, second).Status["NSpid"]; again != pid {
			t.Errorf("Start again started another process")
		}
	}},
	{"CommandAndEnvironment", func(t *testing.T, s *suite) {
		spec := s.spec("-port", "9000")
		spec.Env = []string{"FROM_SPEC=spec", "FROM_BOTH=spec"}
		inst := s.start(t, spec)
		eventually(t, "listens on the port of its command", func() error {
			_, err := getPort(t, inst, 9000, "/status", nil)
			return err
		})
		text, err := getPort(t, inst, 9000, "/status", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`"FROM_SPEC=spec"`, `"FROM_BOTH=spec"`, `"FROM_IMAGE=image"`, `"PATH=/"`, `"dir":"/home/app"`} {
			if !strings.Contains(text, want) {
				t.Errorf("status lacks %s: %s", want, text)
			}
		}
	}},
	{"SecretsAreEnvironment", func(t *testing.T, s *suite) {
		spec := s.spec()
		spec.Env = []string{"FROM_BOTH=spec", "PLAIN=spec"}
		large := strings.Repeat("x", 100<<10) // more than a pipe holds
		spec.Secrets = []string{"FROM_BOTH=secret", "FROM_IMAGE=secret", "LARGE=" + large, "QUOTED=\"\u00fc\n"}
		st := s.status(t, s.serve(t, spec))
		for _, want := range []string{"FROM_BOTH=secret", "FROM_IMAGE=secret", "PLAIN=spec", "LARGE=" + large, "QUOTED=\"\u00fc\n"} {
			if !slices.Contains(st.Env, want) {
				t.Errorf("its environment lacks %.40q", want)
			}
		}
	}},
	{"ImageUserIsHonoured", func(t *testing.T, s *suite) {
		spec := s.spec()
		spec.Image = s.Load(t, Image(t, func(c *v1.Config) { c.User = "app" }))
		st := s.status(t, s.serve(t, spec))
		if st.UID != 1234 || st.GID != 5678 {
			t.Errorf("runs as %d:%d, want 1234:5678", st.UID, st.GID)
		}
	}},
	{"ExitCodeIsReported", func(t *testing.T, s *suite) {
		spec := s.spec("-exit", "7")
		s.start(t, spec)
		exit := s.exited(t, spec.ID)
		if exit.Code != 7 || exit.OutOfMemory || exit.DiskFull {
			t.Errorf("exit is %+v, want code 7 and no other reason", exit)
		}
		if d := time.Since(exit.At); d < 0 || d > patience {
			t.Errorf("exit was at %s, want about now", exit.At)
		}
		if err := s.Engine.Stop(t.Context(), spec.ID, 0); err != nil {
			t.Errorf("Stop of an exited instance: %v", err)
		}
		if _, err := s.Engine.Start(t.Context(), spec.ID); err == nil {
			t.Errorf("Start of an exited instance succeeded")
		}
	}},
	{"ExitAfterServing", func(t *testing.T, s *suite) {
		spec := s.spec()
		inst := s.serve(t, spec)
		_, _ = get(t, inst, "/exit", map[string][]string{"code": {"3"}})
		if exit := s.exited(t, spec.ID); exit.Code != 3 {
			t.Errorf("exit is %+v, want code 3", exit)
		}
	}},
	{"StopSendsSIGTERMFirst", func(t *testing.T, s *suite) {
		spec := s.spec("-term-code", "5")
		s.serve(t, spec)
		begin := time.Now()
		if err := s.Engine.Stop(t.Context(), spec.ID, patience); err != nil {
			t.Fatalf("Stop: %v", err)
		}
		if d := time.Since(begin); d > patience/2 {
			t.Errorf("Stop took %s", d)
		}
		inst, err := s.Engine.Inspect(t.Context(), spec.ID)
		if err != nil || inst.State != engine.Exited || inst.Exit.Code != 5 {
			t.Fatalf("after Stop: %+v, %v, want exit code 5", inst, err)
		}
		if err := s.Engine.Stop(t.Context(), spec.ID, patience); err != nil {
			t.Errorf("Stop again: %v", err)
		}
	}},
	{"StopKillsAfterGrace", func(t *testing.T, s *suite) {
		spec := s.spec("-ignore-term")
		s.serve(t, spec)
		begin := time.Now()
		const grace = 500 * time.Millisecond
		if err := s.Engine.Stop(t.Context(), spec.ID, grace); err != nil {
			t.Fatalf("Stop: %v", err)
		}
		if d := time.Since(begin); d < grace {
			t.Errorf("Stop returned after %s, before the grace period of %s", d, grace)
		}
		if exit := s.exited(t, spec.ID); exit.Code != 128+9 {
			t.Errorf("exit code is %d, want 137", exit.Code)
		}
		if text := joined(s.output(t, spec.ID)); !strings.Contains(text, "terminated") {
			t.Errorf("the application saw no SIGTERM; output: %q", text)
		}
	}},
	{"StopGivesUpWithItsContext", func(t *testing.T, s *suite) {
		spec := s.spec("-ignore-term")
		s.serve(t, spec)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := s.Engine.Stop(ctx, spec.ID, patience); err == nil {
			t.Errorf("Stop succeeded before the grace period of an instance that ignores SIGTERM")
		}
		if inst, err := s.Engine.Inspect(t.Context(), spec.ID); err != nil || inst.State != engine.Running {
			t.Errorf("instance is %+v, %v, want RUNNING", inst, err)
		}
	}},
	{"StopOfAPreparedInstance", func(t *testing.T, s *suite) {
		spec := s.spec()
		s.prepare(t, spec)
		if err := s.Engine.Stop(t.Context(), spec.ID, patience); err != nil {
			t.Fatalf("Stop: %v", err)
		}
		if inst, err := s.Engine.Inspect(t.Context(), spec.ID); err != nil || inst.State != engine.Exited {
			t.Errorf("instance is %+v, %v, want EXITED", inst, err)
		}
	}},
	{"FreezeAndThaw", func(t *testing.T, s *suite) {
		spec := s.spec()
		inst := s.serve(t, spec)
		for range 3 {
			for range 2 { // the second is to change nothing
				if err := s.Engine.Freeze(t.Context(), spec.ID); err != nil {
					t.Fatalf("Freeze: %v", err)
				}
				s.wantState(t, spec.ID, engine.Frozen)
			}
			if s.answersWithin(t, inst, 300*time.Millisecond) {
				t.Errorf("a frozen instance answers")
			}
			for range 2 {
				if err := s.Engine.Thaw(t.Context(), spec.ID); err != nil {
					t.Fatalf("Thaw: %v", err)
				}
				s.wantState(t, spec.ID, engine.Running)
			}
			if _, err := get(t, inst, "/status", nil); err != nil {
				t.Errorf("a thawed instance does not answer: %v", err)
			}
		}
	}},
	{"StopThawsFirst", func(t *testing.T, s *suite) {
		spec := s.spec("-term-code", "6")
		s.serve(t, spec)
		if err := s.Engine.Freeze(t.Context(), spec.ID); err != nil {
			t.Fatalf("Freeze: %v", err)
		}
		if err := s.Engine.Stop(t.Context(), spec.ID, patience); err != nil {
			t.Fatalf("Stop: %v", err)
		}
		if exit := s.exited(t, spec.ID); exit.Code != 6 {
			t.Errorf("exit code is %d, want 6: the application was to handle SIGTERM", exit.Code)
		}
	}},
	{"RemoveOfEveryState", func(t *testing.T, s *suite) {
		for name, reach := range map[string]func(id string) error{
			"prepared": func(string) error { return nil },
			"running":  func(id string) error { return s.startOnly(t, id) },
			"frozen": func(id string) error {
				return errorsJoin(s.startOnly(t, id), s.Engine.Freeze(t.Context(), id))
			},
			"exited": func(id string) error {
				return errorsJoin(s.startOnly(t, id), s.Engine.Stop(t.Context(), id, 0))
			},
		} {
			t.Run(name, func(t *testing.T) {
				spec := s.spec("-ignore-term")
				s.prepare(t, spec)
				if err := reach(spec.ID); err != nil {
					t.Fatal(err)
				}
				if err := s.Engine.Remove(t.Context(), spec.ID); err != nil {
					t.Fatalf("Remove: %v", err)
				}
				if _, err := s.Engine.Inspect(t.Context(), spec.ID); !engine.Is(err, engine.NotFound) {
					t.Errorf("Inspect after Remove: %v, want NotFound", err)
				}
				if err := s.Engine.Remove(t.Context(), spec.ID); err != nil {
					t.Errorf("Remove again: %v", err)
				}
				// The same id can be used again.
				s.serve(t, spec)
			})
		}
	}},
	{"RemoveDuringStop", func(t *testing.T, s *suite) {
		spec := s.spec("-ignore-term")
		s.serve(t, spec)
		stopped := make(chan error, 1)
		go func() { stopped <- s.Engine.Stop(t.Context(), spec.ID, time.Hour) }()
		eventually(t, "application sees SIGTERM", func() error {
			return wantText(s.output(t, spec.ID), "terminated")
		})
		if err := s.Engine.Remove(t.Context(), spec.ID); err != nil {
			t.Fatalf("Remove: %v", err)
		}
		if err := <-stopped; err != nil {
			t.Errorf("Stop of an instance that was removed meanwhile: %v", err)
		}
	}},
	{"UnknownInstanceIsNotFound", func(t *testing.T, s *suite) {
		id := s.spec().ID
		ctx := t.Context()
		_, startErr := s.Engine.Start(ctx, id)
		_, inspectErr := s.Engine.Inspect(ctx, id)
		_, statsErr := s.Engine.Stats(ctx, id)
		_, listenErr := s.Engine.Listening(ctx, id)
		_, logsErr := s.Engine.Logs(ctx, id, time.Time{}, false)
		for name, err := range map[string]error{
			"Start": startErr, "Inspect": inspectErr, "Stats": statsErr, "Listening": listenErr, "Logs": logsErr,
			"Stop": s.Engine.Stop(ctx, id, 0), "Freeze": s.Engine.Freeze(ctx, id), "Thaw": s.Engine.Thaw(ctx, id),
		} {
			if !engine.Is(err, engine.NotFound) {
				t.Errorf("%s: %v, want NotFound", name, err)
			}
		}
	}},
	{"UnknownImageIsNotFound", func(t *testing.T, s *suite) {
		spec := s.spec()
		spec.Image = "registry.invalid/none@sha256:" + strings.Repeat("0", 64)
		if _, err := s.Engine.Prepare(t.Context(), spec); !engine.Is(err, engine.NotFound) {
			t.Errorf("Prepare: %v, want NotFound", err)
		}
	}},
	{"CommandThatCannotBeExecuted", func(t *testing.T, s *suite) {
		for _, c := range []struct{ name, command string }{
			{"missing in PATH", "no-such-command"},
			{"missing file", "/no/such/file"},
			{"not executable", "/not-executable"},
			{"directory", "/tmp"},
		} {
			t.Run(c.name, func(t *testing.T) {
				spec := s.spec()
				spec.Command = []string{c.command, "argument"}
				s.removeAfter(t, spec.ID)
				_, err := s.Engine.Prepare(t.Context(), spec)
				if err == nil {
					_, err = s.Engine.Start(t.Context(), spec.ID)
				}
				if !engine.Is(err, engine.BadCommand) || !strings.Contains(err.Error(), c.command) {
					t.Errorf("error is %v, want BadCommand that names %q", err, c.command)
				}
			})
		}
	}},
	{"ManyAtOnce", func(t *testing.T, s *suite) {
		const many = 6
		done := make(chan error, many)
		for range many {
			spec := s.spec("-exit", "0")
			s.removeAfter(t, spec.ID)
			go func() {
				_, err := s.Engine.Prepare(t.Context(), spec)
				if err == nil {
					_, err = s.Engine.Start(t.Context(), spec.ID)
				}
				done <- err
			}()
		}
		for range many {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}},
}
