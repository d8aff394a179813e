package fleet

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/engine"
)

// tags are those of a service, and may change.
type tags struct {
	atomic.Pointer[map[string]string]
}

func tagged(key, value string) *tags {
	t := &tags{}
	t.set(key, value)
	return t
}

func (t *tags) set(key, value string) { t.Store(&map[string]string{key: value}) }

// asked are Options with tags.
func asked(t *tags) Options {
	return Options{Asked: func(apprunner.Service) apprunner.Options { return apprunner.OptionsOf(*t.Load()) }}
}

func idle(how string) *tags { return tagged(apprunner.TagIdle, how) }

// instance is what the engine has of one.
func (w *world) instance(id string) fakeInstance { return w.now().instances[id] }

func (w *world) states(serviceID string) []State {
	var all []State
	for _, i := range w.Instances(serviceID) {
		all = append(all, i.State)
	}
	return all
}

func TestIdleInstanceIsThrottled(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		s, r := service(1, 1)
		w.deploy(s, r)
		id := w.running()[0]
		sleep(3 * time.Second)
		if diff := cmp.Diff([]int{1024, idleCPU}, w.instance(id).cpu); diff != "" {
			t.Fatalf("its CPU (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]State{StateThrottled}, w.states(s.ID)); diff != "" {
			t.Errorf("its state (-want +got):\n%s", diff)
		}
		before := len(w.now().probes)
		sleep(time.Minute)
		if n := len(w.now().probes) - before; n != 12 {
			t.Errorf("it was checked %d times in a minute, want every 5 s", n)
		}
		w.Wake(s.ID, id)
		w.Wake(s.ID, "unknown")
		w.Wake("unknown", id)
		wait()
		if cpu := w.instance(id).cpu; !slices.Equal(cpu, []int{1024, idleCPU, 1024}) || w.instance(id).asleep {
			t.Errorf("needed, its CPU is %v, and it sleeps: %v", cpu, w.instance(id).asleep)
		}
		w.locked(func() { w.instances[id].busy = true })
		sleep(time.Minute)
		if got := w.states(s.ID); got[0] != StateActive {
			t.Errorf("with a request it is %s", got[0])
		}
	})
}

func TestFrozenInstance(t *testing.T) {
	t.Parallel()
	tags := idle("freeze")
	run(t, asked(tags), func(t *testing.T, w *world) {
		s, r := service(1, 1)
		w.deploy(s, r)
		id := w.running()[0]
		sleep(4 * time.Second)
		if got := w.states(s.ID); got[0] != StateActive {
			t.Fatalf("after 4 s it is %s", got[0])
		}
		sleep(3 * time.Second)
		if got := w.states(s.ID); got[0] != StateFrozen || w.instance(id).State != engine.Frozen {
			t.Fatalf("after 7 s it is %s", got[0])
		}
		before := len(w.now().probes)
		sleep(time.Hour)
		if n := len(w.now().probes) - before; n != 0 || w.instance(id).State != engine.Frozen {
			t.Errorf("it was checked %d times while it was frozen, and is %s", n, w.instance(id).State)
		}
		w.Wake(s.ID, id)
		wait()
		if w.instance(id).State != engine.Running || w.instance(id).asleep {
			t.Errorf("needed, it is %s", w.instance(id).State)
		}
		// What is asked for may change while it sleeps.
		sleep(10 * time.Second)
		tags.set(apprunner.TagIdle, "throttle")
		sleep(3 * time.Second)
		if got := w.states(s.ID); got[0] != StateThrottled || w.instance(id).State != engine.Running {
			t.Errorf("asked for a throttled one, it is %s", got[0])
		}
		tags.set(apprunner.TagIdle, "always-on")
		sleep(time.Minute)
		if got := w.states(s.ID); got[0] != StateActive {
			t.Errorf("asked for one that is always on, it is %s", got[0])
		}
	})
}

// A frozen instance is thawed before it is stopped, and one that dies is replaced.
func TestFrozenInstanceEnds(t *testing.T) {
	t.Parallel()
	run(t, asked(idle("freeze")), func(t *testing.T, w *world) {
		s, r := service(1, 1)
		w.deploy(s, r)
		first := w.running()[0]
		sleep(10 * time.Second)
		w.locked(func() { w.instances[first].State = engine.Running }) // kill wants one that runs
		w.kill(first, engine.Exit{Code: 137})
		sleep(time.Second)
		if got := w.backends(); len(got) != 1 || got[0] == first {
			t.Fatalf("traffic goes to %q", got)
		}
		second := w.backends()[0]
		sleep(10 * time.Second)
		if w.instance(second).State != engine.Frozen {
			t.Fatal("the second one is not frozen")
		}
		if err := w.Stop(t.Context(), s, HoldPaused); err != nil {
			t.Fatal(err)
		}
		if _, left := w.now().instances[second]; left {
			t.Error("it was not ended")
		}
	})
}

// Health checks count what a throttled instance does with its CPU, and nothing of a frozen one.
func TestThrottledInstanceIsNotTakenForSick(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		var id string
		w.behave = func(spec engine.Spec) app {
			return app{check: func() error {
				if i := w.instances[spec.ID]; len(i.cpu) > 0 && i.cpu[len(i.cpu)-1] == idleCPU {
					return errRefused // too slow
				}
				return nil
			}}
		}
		s, r := service(1, 1)
		w.deploy(s, r)
		id = w.running()[0]
		sleep(10 * time.Minute)
		if got := w.running(); !slices.Equal(got, []string{id}) {
			t.Errorf("%q run; it was replaced for being slow while it was throttled", got)
		}
	})
}

func TestNothingSleepsBeforeItServes(t *testing.T) {
	t.Parallel()
	run(t, asked(idle("freeze")), func(t *testing.T, w *world) {
		s, old := service(1, 1)
		w.deploy(s, old)
		sleep(10 * time.Second)
		next := revision(s, 1, 1)
		if err := w.Deploy(t.Context(), s, next); err != nil {
			t.Fatal(err)
		}
		sleep(time.Minute)
		if got := w.states(s.ID); !slices.Equal(got, []State{StateFrozen, StateActive}) {
			t.Errorf("old and new are %v", got)
		}
	})
}

func TestAdoptSleepers(t *testing.T) {
	t.Parallel()
	for reason, c := range map[string]struct {
		tag  string
		want engine.State
		then State
	}{
		"a frozen one stays frozen":                   {"freeze", engine.Frozen, StateFrozen},
		"it is thawed when that is not asked for now": {"throttle", engine.Running, StateThrottled},
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			run(t, asked(idle(c.tag)), func(t *testing.T, w *world) {
				s, r := service(1, 1)
				id := w.left(s, r, engine.Frozen)
				if err := w.Adopt(t.Context(), []Known{{Service: s, Serving: &r}}); err != nil {
					t.Fatal(err)
				}
				wait()
				if w.instance(id).State != c.want || len(w.now().order) != 1 {
					t.Errorf("it is %s, and %d were made", w.instance(id).State, len(w.now().order))
				}
				var b []Backend
				w.locked(func() { b = slices.Clone(w.routed) })
				if len(b) != 1 || b[0].Asleep != (c.want == engine.Frozen) {
					t.Errorf("the router has %+v", b)
				}
				sleep(time.Minute)
				if got := w.states(s.ID); !slices.Equal(got, []State{c.then}) {
					t.Errorf("it is %v", got)
				}
				w.Wake(s.ID, id)
				wait()
				if w.instance(id).State != engine.Running {
					t.Errorf("needed, it is %s", w.instance(id).State)
				}
			})
		})
	}
}

// left is an instance of an earlier daemon.
func (w *world) left(s apprunner.Service, r apprunner.Revision, state engine.State) string {
	w.t.Helper()
	e, id := (*fakeEngine)(w), apprunner.NewID()
	_, err := e.Prepare(w.t.Context(), instanceSpec(id, s, r))
	if err == nil && state != engine.Prepared {
		_, err = e.Start(w.t.Context(), id)
	}
	if err == nil && state == engine.Frozen {
		err = e.Freeze(w.t.Context(), id)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// What does not wake is replaced.
func TestInstanceThatDoesNotWake(t *testing.T) {
	t.Parallel()
	run(t, asked(idle("freeze")), func(t *testing.T, w *world) {
		s, r := service(1, 1)
		w.deploy(s, r)
		id := w.running()[0]
		sleep(10 * time.Second)
		w.locked(func() { w.thaw = errors.New("the kernel does not") })
		w.Wake(s.ID, id)
		sleep(time.Second)
		if got := w.backends(); len(got) != 1 || got[0] == id {
			t.Errorf("traffic goes to %q", got)
		}
	})
}
