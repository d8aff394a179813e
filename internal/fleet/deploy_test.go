package fleet

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/engine"
)

func TestDeployWaitsUntilAllAreHealthy(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		slow := 0
		w.behave = func(engine.Spec) app { slow++; return app{slow: time.Duration(slow) * time.Second} }
		s, r := service(3, 25)
		if err := w.Deploy(t.Context(), s, r); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(w.begin); took < 3*time.Second || took > 3200*time.Millisecond {
			t.Errorf("the deployment took %v; the slowest instance needs 3s", took)
		}
		if len(w.now().did) != 0 {
			t.Errorf("traffic was changed before Serve: %q", w.now().did)
		}
		for _, id := range w.running() {
			want := map[string]string{labelService: s.ID, labelRevision: r.ID}
			if diff := cmp.Diff(want, w.now().instances[id].Labels); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
		}
		w.Serve(s, r)
		wait()
		if got := w.backends(); len(got) != 3 {
			t.Errorf("traffic goes to %q, want all 3 instances", got)
		}
	})
}

func TestDeployMatchesWhatServes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason                  string
		serving, min, max, want int
	}{
		{"the load needs as many as serve", 4, 1, 25, 4},
		{"the new revision may have fewer", 4, 1, 2, 2},
		{"the new revision needs more", 2, 5, 25, 5},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			run(t, Options{}, func(t *testing.T, w *world) {
				s, old := service(c.serving, 25)
				w.deploy(s, old)
				next := revision(s, c.min, c.max)
				if err := w.Deploy(t.Context(), s, next); err != nil {
					t.Fatal(err)
				}
				if got := len(w.running()) - c.serving; got != c.want {
					t.Errorf("%d instances were started, want %d", got, c.want)
				}
				if err := w.Deploy(t.Context(), s, next); err != nil {
					t.Fatal(err)
				}
				if got := len(w.running()) - c.serving; got != c.want {
					t.Errorf("the same deployment again made it %d instances, want %d", got, c.want)
				}
			})
		})
	}
}

func TestDeployEndsWithItsContext(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		w.behave = func(engine.Spec) app { return app{slow: time.Hour} }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s, r := service(1, 1)
		if err := w.Deploy(ctx, s, r); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Deploy = %v", err)
		}
		if got := len(w.running()); got != 1 {
			t.Errorf("%d instances run; the next daemon goes on with the one there is", got)
		}
	})
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		s, old := service(1, 25)
		w.deploy(s, old)
		before := w.running()
		next := revision(s, 2, 25)
		if err := w.Deploy(t.Context(), s, next); err != nil {
			t.Fatal(err)
		}
		if err := w.Discard(t.Context(), s, next.ID); err != nil {
			t.Fatal(err)
		}
		wait()
		if diff := cmp.Diff(before, w.running()); diff != "" {
			t.Errorf("what runs (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(before, w.backends()); diff != "" {
			t.Errorf("what gets traffic (-want +got):\n%s", diff)
		}
	})
}

// A deployment that is discarded while its instances still start leaves none of them.
func TestDiscardWhileStarting(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		w.behave = func(engine.Spec) app { return app{slow: time.Hour} }
		s, r := service(2, 25)
		go func() { _ = w.Deploy(t.Context(), s, r) }()
		sleep(time.Second)
		if err := w.Discard(t.Context(), s, r.ID); err != nil {
			t.Fatal(err)
		}
		wait()
		if len(w.now().instances) != 0 {
			t.Errorf("%d instances are left", len(w.now().instances))
		}
	})
}

func TestRetireDrainsBeforeItStops(t *testing.T) {
	t.Parallel()
	run(t, Options{StopGrace: 7 * time.Second}, func(t *testing.T, w *world) {
		s, old := service(1, 25)
		w.deploy(s, old)
		id := w.running()[0]
		next := revision(s, 1, 25)
		w.deploy(s, next)
		w.locked(func() { w.draining = make(chan struct{}) })
		retired := make(chan error, 1)
		go func() { retired <- w.Retire(t.Context(), s) }()
		sleep(30 * time.Second)
		if calls := w.after("drain " + id); len(calls) != 1 {
			t.Fatalf("while a request was under way: %q", calls)
		}
		if slices.Contains(w.backends(), id) {
			t.Error("an instance that drains still gets requests")
		}
		w.locked(func() { close(w.draining) })
		if err := <-retired; err != nil {
			t.Fatal(err)
		}
		want := []string{"drain " + id, "stop " + id + " within 7s", "remove " + id}
		if diff := cmp.Diff(want, w.after("drain "+id)); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		if got := len(w.running()); got != 1 {
			t.Errorf("%d instances run, want the new one alone", got)
		}
	})
}

func TestDrainEnds(t *testing.T) {
	t.Parallel()
	run(t, Options{DrainTimeout: 20 * time.Second}, func(t *testing.T, w *world) {
		s, r := service(1, 25)
		w.deploy(s, r)
		w.locked(func() { w.draining = make(chan struct{}) }) // a request that never ends
		begin := time.Now()
		if err := w.Stop(t.Context(), s, HoldPaused); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != 20*time.Second {
			t.Errorf("the request was waited for %v", took)
		}
	})
}

func TestStop(t *testing.T) {
	t.Parallel()
	for _, why := range []Hold{HoldPaused, HoldDeleted} {
		t.Run(string(why), func(t *testing.T) {
			t.Parallel()
			run(t, Options{}, func(t *testing.T, w *world) {
				s, r := service(3, 25)
				w.deploy(s, r)
				if err := w.Stop(t.Context(), s, why); err != nil {
					t.Fatal(err)
				}
				sleep(5 * time.Minute)
				if len(w.now().instances) != 0 || w.now().hold != why {
					t.Errorf("%d instances are left and traffic is held for %q", len(w.now().instances), w.now().hold)
				}
				if known := w.lookup(s.ID) != nil; known != (why != HoldDeleted) {
					t.Errorf("the fleet still knows the service: %v", known)
				}
				if err := w.Stop(t.Context(), s, why); err != nil {
					t.Errorf("stopped again: %v", err)
				}
			})
		})
	}
}

// An instance has all the CPU there is until it is healthy, and then what it is configured to have.
func TestBoostEndsWithTheStart(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		w.behave = func(engine.Spec) app { return app{slow: 2 * time.Second} }
		s, r := service(1, 1)
		r.Spec.Instance.CPU = 512
		go func() { _ = w.Deploy(t.Context(), s, r) }()
		sleep(time.Second)
		id := w.running()[0]
		i := w.now().instances[id]
		if !i.spec.Boost || len(i.cpu) != 0 {
			t.Errorf("while it starts: boost %v, CPU set to %v", i.spec.Boost, i.cpu)
		}
		sleep(2 * time.Second)
		if got := w.now().instances[id].cpu; !slices.Equal(got, []int{512}) {
			t.Errorf("once healthy its CPU was set to %v", got)
		}
	})
}

func TestHealthyThreshold(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		answers := []error{nil, nil, errRefused, nil, nil, nil}
		w.behave = func(engine.Spec) app {
			return app{check: func() error { a := answers[0]; answers = answers[1:]; return a }}
		}
		s, r := service(1, 1)
		r.Spec.Health.Healthy = 3
		if err := w.Deploy(t.Context(), s, r); err != nil {
			t.Fatal(err)
		}
		if len(w.now().probes) != 6 {
			t.Errorf("healthy after %d checks, want 3 in a row: 6", len(w.now().probes))
		}
		// The first check succeeds at once; the five after it come an interval apart.
		if took := time.Since(w.begin); took != 5*r.Spec.Health.Interval {
			t.Errorf("healthy after %v, want five intervals of %v", took, r.Spec.Health.Interval)
		}
	})
}

// The first check comes at once, the next ones fast until the first success, then at the interval.
func TestPaceOfChecks(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		w.behave = func(engine.Spec) app { return app{slow: 1500 * time.Millisecond} }
		s, r := service(1, 1)
		r.Spec.Health.Interval = 7 * time.Second
		w.deploy(s, r)
		if w.now().probes[0] != 0 {
			t.Errorf("the first check came after %v", w.now().probes[0])
		}
		for i := 1; i < len(w.now().probes); i++ {
			if gap := w.now().probes[i] - w.now().probes[i-1]; gap < firstPause || gap > longestPause {
				t.Errorf("pause %d before the first success is %v", i, gap)
			}
		}
		healthy := w.now().probes[len(w.now().probes)-1]
		if late := healthy - 1500*time.Millisecond; late < 0 || late > longestPause {
			t.Errorf("found healthy %v after it was", late)
		}
		n := len(w.now().probes)
		sleep(7*3*time.Second + time.Millisecond)
		want := []time.Duration{healthy + 7*time.Second, healthy + 14*time.Second, healthy + 21*time.Second}
		if diff := cmp.Diff(want, w.now().probes[n:]); diff != "" {
			t.Errorf("checks of a healthy instance (-want +got):\n%s", diff)
		}
	})
}

func TestInstanceFailedIsCheckedAtOnce(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		var broken bool
		w.behave = func(engine.Spec) app {
			return app{check: func() error {
				if broken {
					return errRefused
				}
				return nil
			}}
		}
		s, r := service(1, 1)
		r.Spec.Health.Unhealthy = 1
		w.deploy(s, r)
		id := w.running()[0]
		n := len(w.now().probes)
		w.InstanceFailed(s.ID, id)
		w.InstanceFailed(s.ID, "unknown")
		w.InstanceFailed("unknown", id)
		wait()
		if len(w.now().probes) != n+1 || !slices.Contains(w.backends(), id) {
			t.Fatalf("%d checks came; an instance that is well goes on", len(w.now().probes)-n)
		}
		w.locked(func() { broken = true })
		w.InstanceFailed(s.ID, id)
		sleep(exitNews) // it may have ended, which would say more
		if slices.Contains(w.backends(), id) {
			t.Error("an instance that failed its check at once still gets requests")
		}
		w.locked(func() { broken = false })
	})
}

// An instance that was healthy and dies before its deployment gets traffic fails the deployment.
func TestDeployNoticesALateDeath(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		w.behave = func(engine.Spec) app {
			if len(w.order) == 0 {
				return app{exitAfter: time.Second, exit: engine.Exit{Code: 9}}
			}
			return app{slow: 3 * time.Second}
		}
		s, r := service(2, 2)
		err := w.Deploy(t.Context(), s, r)
		if f, ok := errors.AsType[*Failure](err); !ok {
			t.Errorf("Deploy = %v (%v), want the failure of the instance that ended", err, f)
		}
	})
}

// What dies between the deployment and the switch is replaced like any other.
func TestServeReplacesTheDead(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		s, r := service(2, 2)
		if err := w.Deploy(t.Context(), s, r); err != nil {
			t.Fatal(err)
		}
		w.kill(w.running()[0], engine.Exit{Code: 1})
		wait()
		w.Serve(s, r)
		sleep(time.Second)
		if got := w.backends(); len(got) != 2 || !slices.Equal(got, sorted(w.running())) {
			t.Errorf("traffic goes to %q and %q run", got, w.running())
		}
	})
}

func sorted(ids []string) []string { slices.Sort(ids); return ids }

func TestServeOfUnknownRevisionStartsIt(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		s, r := service(2, 4)
		w.Serve(s, r) // as a new daemon does when every instance is gone
		sleep(time.Second)
		if got := len(w.backends()); got != 2 {
			t.Errorf("%d instances serve", got)
		}
	})
}
