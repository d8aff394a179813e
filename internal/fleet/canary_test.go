package fleet

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/trial"
)

// answers has every instance answer so many requests a second, of which some fail, by revision.
func (w *world) answers(ctx context.Context, each map[string]trial.Tally) {
	w.locked(func() {
		w.loaded, w.tallies = true, Tallies{Instances: map[string]trial.Tally{}, Bounds: []time.Duration{time.Second, 5 * time.Second}}
	})
	go func() {
		for ctx.Err() == nil {
			time.Sleep(time.Second)
			w.locked(func() {
				next := map[string]trial.Tally{}
				for _, b := range w.routed { // those without traffic are forgotten, as in the router
					next[b.ID] = w.tallies.Instances[b.ID].Plus(each[w.instances[b.ID].Labels[labelRevision]])
				}
				w.tallies.Instances = next
			})
		}
	}()
}

func answer(requests, failed int64) trial.Tally {
	return trial.Tally{Requests: requests, Failed: failed, Latency: []int64{requests, 0, 0}}
}

func TestTry(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		old, new trial.Tally // in a second
		options  apprunner.Options
		crash    bool
		failure  string
		verdict  string
		took     time.Duration
	}{
		"does no worse": {old: answer(50, 0), new: answer(5, 0), verdict: "It does no worse than the revision before: 0 of ", took: 2 * time.Minute},
		"fails a third": {old: answer(50, 0), new: answer(6, 2), failure: "It fails more requests than the revision before: ", took: 4 * time.Second},
		"is slower":     {old: answer(50, 0), new: slow(10), failure: "It is slower than the revision before: ", took: warmUp + 20*time.Second},
		"both fail":     {old: answer(60, 20), new: answer(6, 2), verdict: "It does no worse", took: 2 * time.Minute},
		"no traffic":    {verdict: "0 requests of it and 0 requests of the revision before are too few to compare", took: 2 * time.Minute},
		"fails, and the owner wants it": {
			old: answer(50, 0), new: answer(6, 2), options: apprunner.Options{KeepFailing: true},
			verdict: "It fails more requests", took: 2 * time.Minute,
		},
		"ends": {old: answer(50, 0), new: answer(6, 0), crash: true, failure: "Container exit code: 7", took: 32 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, wants(tc.options), func(t *testing.T, w *world) {
				s, old := service(1, 4)
				w.deploy(s, old)
				new := revision(s, 1, 4)
				w.behave = func(engine.Spec) app {
					if tc.crash {
						return app{exitAfter: 31 * time.Second, exit: engine.Exit{Code: 7}}
					}
					return app{}
				}
				if err := w.Deploy(t.Context(), s, new); err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				w.answers(ctx, map[string]trial.Tally{old.ID: tc.old, new.ID: tc.new})
				begin := time.Now()
				verdict, err := w.Try(t.Context(), s, new, 10, begin.Add(2*time.Minute))
				if took := time.Since(begin); took < tc.took || took > tc.took+2*judgeEvery {
					t.Errorf("it took %s, want %s", took, tc.took)
				}
				failure, _ := errors.AsType[*Failure](err)
				if (failure != nil) != (tc.failure != "") || (failure != nil && !strings.Contains(failure.Reason, tc.failure)) || !strings.HasPrefix(verdict, tc.verdict) {
					t.Errorf("it ends with %q, %v", verdict, err)
				}
				if got := w.shares(); !tc.crash && !slices.Equal(got, []string{"1 serve", "1 have 10 %"}) {
					t.Errorf("traffic is shared by %q", got)
				}
				// The older revision goes on, as a rollback has it.
				w.Serve(s, old)
				if err := w.Discard(t.Context(), s, new.ID); err != nil {
					t.Fatal(err)
				}
				if got := w.shares(); !slices.Equal(got, []string{"1 serve", "0 have 0 %"}) || len(w.running()) != 1 {
					t.Errorf("afterwards by %q, of %d that run", got, len(w.running()))
				}
				stop()
				sleep(time.Second)
			})
		})
	}
}

func TestTryThenServe(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		s, old := service(2, 4)
		w.deploy(s, old)
		new := revision(s, 2, 4)
		if err := w.Deploy(t.Context(), s, new); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Try(t.Context(), s, new, 25, time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if got := w.shares(); !slices.Equal(got, []string{"2 serve", "2 have 25 %"}) {
			t.Errorf("traffic is shared by %q", got)
		}
		w.Serve(s, new)
		if err := w.Retire(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if got := w.shares(); !slices.Equal(got, []string{"2 serve", "0 have 0 %"}) || len(w.running()) != 2 {
			t.Errorf("traffic is shared by %q", got)
		}
	})
}

func TestTryEndsWithItsContext(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		s, old := service(1, 4)
		w.deploy(s, old)
		new := revision(s, 1, 4)
		if err := w.Deploy(t.Context(), s, new); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.Try(ctx, s, new, 10, time.Now().Add(time.Hour)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Try = %v", err)
		}
		if err := w.Stop(t.Context(), s, HoldPaused); err != nil {
			t.Fatal(err)
		}
		if len(w.running()) != 0 {
			t.Error("instances of the canary run on")
		}
	})
}
