package fleet

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/engine"
)

func TestCrashPause(t *testing.T) {
	t.Parallel()
	want := []time.Duration{0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60}
	for n, seconds := range want {
		if got := crashPause(n); got != seconds*time.Second {
			t.Errorf("after %d crashes the pause is %v, want %v", n, got, seconds*time.Second)
		}
	}
	if got := crashPause(1 << 20); got != time.Minute {
		t.Errorf("after very many crashes the pause is %v", got)
	}
}

// An application that dies 10 ms after each start is started again at once, and then less and less
// often.
func TestCrashingApplicationBacksOff(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		crash := app{exitAfter: 10 * time.Millisecond, exit: engine.Exit{Code: 1}}
		w.behave = func(engine.Spec) app {
			if len(w.order) == 0 {
				return app{exitAfter: 30 * time.Second, exit: engine.Exit{Code: 1}}
			}
			return crash
		}
		s, r := service(1, 1)
		w.deploy(s, r)
		sleep(5 * time.Minute)
		var pauses []time.Duration
		for i := 2; i < len(w.now().born); i++ {
			pauses = append(pauses, (w.now().born[i] - w.now().born[i-1]).Round(time.Second))
		}
		want := []time.Duration{1 * time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute}
		if diff := cmp.Diff(want, pauses[:min(len(pauses), len(want))]); diff != "" {
			t.Errorf("pauses before starts (-want +got):\n%s", diff)
		}
		if first := w.now().born[1] - w.now().born[0]; first != 30*time.Second {
			t.Errorf("the first crash was followed by a start %v after the first one, want at once", first)
		}
	})
}

func TestEarlierCrashesAreForgiven(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		w.behave = func(engine.Spec) app {
			if len(w.order) < 5 {
				return app{exitAfter: 100 * time.Millisecond, exit: engine.Exit{Code: 1}}
			}
			return app{}
		}
		s, r := service(1, 1)
		w.deploy(s, r)
		sleep(5 * time.Minute)
		if got := len(w.now().order); got != 6 {
			t.Fatalf("%d instances were started, want 5 that crash and one that stays", got)
		}
		w.kill(w.running()[0], engine.Exit{Code: 1})
		wait()
		if got := len(w.running()); got != 1 {
			t.Errorf("an instance that served for minutes is not replaced at once: %d run", got)
		}
	})
}

func TestDeadInstanceIsReplacedAndTold(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		s, r := service(2, 2)
		w.deploy(s, r)
		victim := w.running()[0]
		w.kill(victim, engine.Exit{Code: 137, OutOfMemory: true})
		wait()
		if slices.Contains(w.backends(), victim) || len(w.backends()) != 2 {
			t.Errorf("traffic goes to %q after %s died", w.backends(), victim)
		}
		if _, left := w.now().instances[victim]; left {
			t.Error("the dead instance was not removed")
		}
		told := strings.Join(w.now().journal, "\n")
		if !strings.Contains(told, "Instance "+victim+" is replaced. Your application was killed because it used more than its memory limit") {
			t.Errorf("the events say:\n%s", told)
		}
	})
}

func TestUnhealthyInstanceIsReplaced(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		sick := true
		w.behave = func(engine.Spec) app {
			if len(w.order) > 0 {
				return app{}
			}
			begin := time.Now()
			return app{check: func() error {
				if sick && time.Since(begin) > time.Minute {
					return errRefused
				}
				return nil
			}}
		}
		s, r := service(1, 1)
		w.deploy(s, r)
		first := w.running()[0]
		sleep(time.Minute + 4*5*time.Second + time.Second)
		if !slices.Contains(w.running(), first) {
			t.Fatal("it was replaced before 5 checks failed")
		}
		sleep(5 * time.Second)
		if got := w.backends(); len(got) != 1 || got[0] == first {
			t.Errorf("traffic goes to %q", got)
		}
	})
}

// Instances that die together are replaced by as many, not by more.
func TestSimultaneousDeaths(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		s, r := service(8, 8)
		w.deploy(s, r)
		victims := w.running()
		for _, id := range victims {
			go w.kill(id, engine.Exit{Code: 1})
		}
		sleep(10 * time.Minute)
		if got := len(w.running()); got != 8 {
			t.Errorf("%d instances run, want 8", got)
		}
		if got := len(w.now().order); got != 16 {
			t.Errorf("%d instances were started in all, want 8 and their 8 replacements", got)
		}
	})
}

// Nothing is started any more for a service that was stopped, whenever that came.
func TestNoReplacementAfterStop(t *testing.T) {
	t.Parallel()
	for _, crashes := range []int{1, 3} {
		run(t, Options{}, func(t *testing.T, w *world) {
			w.behave = func(engine.Spec) app { return app{exitAfter: time.Second, exit: engine.Exit{Code: 1}} }
			s, r := service(1, 1)
			w.deploy(s, r)
			for range crashes - 1 {
				sleep(time.Second)
				sleep(crashPause(2))
			}
			// Its end and the stop come at the same moment.
			time.Sleep(time.Second)
			if err := w.Stop(t.Context(), s, HoldPaused); err != nil {
				t.Fatal(err)
			}
			sleep(5 * time.Minute)
			if len(w.running()) != 0 || w.now().hold != HoldPaused {
				t.Errorf("after crash %d: %d instances run for a paused service, held for %q", crashes, len(w.running()), w.now().hold)
			}
		})
	}
}

// A failed start of a replacement is tried again, later and later.
func TestReplacementThatCannotStart(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		s, r := service(1, 1)
		w.deploy(s, r)
		w.locked(func() { w.prepare = errors.New("the engine is away") })
		w.kill(w.running()[0], engine.Exit{Code: 1})
		sleep(10 * time.Second)
		if len(w.running()) != 0 {
			t.Fatal("an instance runs without an engine")
		}
		w.locked(func() { w.prepare = nil })
		sleep(time.Minute)
		if got := len(w.backends()); got != 1 {
			t.Errorf("%d instances serve when the engine is back", got)
		}
	})
}

// When the daemon ends the fleet lets go of its instances: none of them is stopped.
func TestLetsGoOfInstances(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		s, r := service(3, 3)
		w.deploy(s, r)
		before := len(w.now().did)
		w.stop()
		sleep(time.Hour)
		if got := len(w.running()); got != 3 {
			t.Errorf("%d instances run", got)
		}
		if calls := w.now().did[before:]; len(calls) != 0 {
			t.Errorf("the fleet still did %q", calls)
		}
	})
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		serving, servingR := service(2, 5)
		updating, oldR := service(1, 5)
		newR := revision(updating, 1, 5)
		paused, pausedR := service(1, 5)
		deleted, _ := service(1, 5)
		gone := apprunner.Service{ID: apprunner.NewID(), Name: "gone"}
		engine := (*fakeEngine)(w)
		start := func(s apprunner.Service, r apprunner.Revision, started bool) string {
			id := apprunner.NewID()
			if _, err := engine.Prepare(t.Context(), instanceSpec(id, s, r)); err != nil {
				t.Fatal(err)
			}
			if started {
				if _, err := engine.Start(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
			return id
		}
		exited := func(s apprunner.Service, r apprunner.Revision) string {
			id := start(s, r, true)
			w.instances[id].State, w.instances[id].Exit = exitedState, exitWith(7)
			return id
		}
		a, b, c := start(serving, servingR, true), start(serving, servingR, true), start(serving, servingR, true)
		dead, prepared := exited(serving, servingR), start(serving, servingR, false)
		oldOne, newOne := start(updating, oldR, true), start(updating, newR, true)
		unwanted := []string{
			dead, prepared, start(updating, revision(updating, 1, 1), true), start(paused, pausedR, true),
			start(gone, servingR, true), exited(gone, servingR),
		}
		err := w.Adopt(t.Context(), []Known{
			{Service: serving, Serving: &servingR},
			{Service: updating, Serving: &oldR, Deploying: &newR},
			{Service: paused, Hold: HoldPaused},
			{Service: deleted, Hold: HoldDeleted},
		})
		if err != nil {
			t.Fatal(err)
		}
		sleep(time.Minute)
		for _, id := range unwanted {
			if _, left := w.now().instances[id]; left {
				t.Errorf("instance %s is left", id)
			}
		}
		if diff := cmp.Diff([]string{a, b, c, oldOne, newOne}, w.running()); diff != "" {
			t.Errorf("what runs (-want +got):\n%s", diff)
		}
		for _, id := range []string{a, b, c, oldOne, newOne} {
			if m := w.lookup(w.now().instances[id].Labels[labelService]).member(id); m == nil || !m.healthy.Load() {
				t.Errorf("instance %s is not adopted: %v", id, m)
			}
		}
		if g := w.lookup(serving.ID); g.want != 3 {
			t.Errorf("%d instances are wanted; what served goes on", g.want)
		}
		if want := "Instance " + dead + " ended while Slipway was not running. "; !slices.ContainsFunc(w.now().journal, func(e string) bool {
			return strings.HasPrefix(e, want) && strings.HasSuffix(e, "Container exit code: 7")
		}) {
			t.Errorf("the events say %q", w.now().journal)
		}
		if !slices.Contains(w.now().did, "hold paused") || slices.Contains(w.now().did, "hold deleted") {
			t.Errorf("calls: %q", w.now().did)
		}
		// The interrupted deployment goes on with the instance there is.
		before := len(w.now().order)
		if err := w.Deploy(t.Context(), updating, newR); err != nil {
			t.Fatal(err)
		}
		if len(w.now().order) != before {
			t.Error("the deployment started another instance")
		}
	})
}

const exitedState = engine.Exited

func exitWith(code int) *engine.Exit { return &engine.Exit{Code: code} }

// An adopted instance that turns out to be sick is replaced.
func TestAdoptedInstanceIsChecked(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		w.behave = func(engine.Spec) app {
			if len(w.order) == 0 {
				return app{slow: 24 * time.Hour}
			}
			return app{}
		}
		s, r := service(1, 1)
		id := apprunner.NewID()
		e := (*fakeEngine)(w)
		_, err := e.Prepare(t.Context(), instanceSpec(id, s, r))
		if err == nil {
			_, err = e.Start(t.Context(), id)
		}
		if err == nil {
			err = w.Adopt(t.Context(), []Known{{Service: s, Serving: &r}})
		}
		if err != nil {
			t.Fatal(err)
		}
		wait()
		if got := w.backends(); !slices.Equal(got, []string{id}) {
			t.Errorf("before the first check traffic goes to %q: it may be all that serves", got)
		}
		sleep(time.Minute)
		if got := w.backends(); len(got) != 1 || got[0] == id {
			t.Errorf("traffic goes to %q", got)
		}
	})
}

type brokenList struct{ *fakeEngine }

func (brokenList) List(context.Context) ([]engine.Instance, error) {
	return nil, errors.New("no engine")
}

func TestAdoptNeedsTheEngine(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		broken := New(t.Context(), brokenList{(*fakeEngine)(w)}, nil, nil, nil, nil, Options{})
		if err := broken.Adopt(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "adopt running instances: no engine") {
			t.Errorf("Adopt = %v", err)
		}
	})
}
