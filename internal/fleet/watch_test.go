package fleet

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/trial"
)

// shares tells how traffic goes to the serving revision and to its canary.
func (w *world) shares() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	main, canaries := 0, 0
	for _, b := range w.routed {
		if b.Canary {
			canaries++
		} else {
			main++
		}
	}
	return []string{fmt.Sprint(main) + " serve", fmt.Sprint(canaries) + " have " + fmt.Sprint(w.share) + " %"}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		old, new trial.Tally   // in a second
		age      time.Duration // of the older revision
		options  apprunner.Options
		reason   string
		soon     time.Duration
	}{
		"does no worse":            {answer(50, 0), answer(50, 0), time.Hour, apprunner.Options{}, "", 0},
		"fails a third":            {answer(50, 0), answer(6, 2), time.Hour, apprunner.Options{}, "It fails more requests than the revision before: ", 8 * time.Second},
		"after a minute only":      {answer(50, 0), answer(6, 2), time.Minute, apprunner.Options{}, "It fails more requests", 8 * time.Second},
		"is slower":                {answer(50, 0), slow(50), time.Hour, apprunner.Options{}, "It is slower than the revision before: ", warmUp + 10*time.Second},
		"few requests":             {answer(50, 0), trial.Tally{}, time.Hour, apprunner.Options{}, "", 0},
		"nothing to compare with":  {trial.Tally{}, answer(6, 6), time.Hour, apprunner.Options{}, "", 0},
		"the older one failed too": {answer(60, 20), answer(6, 2), time.Hour, apprunner.Options{}, "", 0},
		"the owner wants it":       {answer(50, 0), answer(6, 6), time.Hour, apprunner.Options{KeepFailing: true}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told []string
			var first time.Time
			opts := wants(tc.options)
			var s apprunner.Service
			var old, new apprunner.Revision
			opts.Worse = func(service apprunner.Service, revision, previous, reason string) {
				if len(told) == 0 {
					first = time.Now()
				}
				told = append(told, reason)
				if service.ID != s.ID || revision != new.ID || previous != old.ID {
					t.Errorf("told of revision %s after %s", revision, previous)
				}
			}
			run(t, opts, func(t *testing.T, w *world) {
				s, old = service(1, 4)
				new = revision(s, 1, 4)
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				w.answers(ctx, map[string]trial.Tally{old.ID: tc.old, new.ID: tc.new})
				w.deploy(s, old)
				sleep(tc.age)
				w.deploy(s, new)
				begin := time.Now()
				if err := w.Retire(t.Context(), s); err != nil {
					t.Fatal(err)
				}
				sleep(2 * watchFor)
				if (len(told) > 0) != (tc.reason != "") || (len(told) > 0 && !strings.HasPrefix(told[0], tc.reason)) {
					t.Errorf("told %q", told)
				}
				if len(told) > 0 && first.Sub(begin) > tc.soon {
					t.Errorf("told after %s", first.Sub(begin))
				}
				stop()
				sleep(time.Second)
			})
		})
	}
}

// slow are requests that take seconds.
func slow(requests int64) trial.Tally {
	return trial.Tally{Requests: requests, Latency: []int64{0, requests, 0}}
}

// The first minute's latency does not count: a revision may be slow until it is warm.
func TestWatchWaitsUntilWarm(t *testing.T) {
	t.Parallel()
	opts := Options{Worse: func(_ apprunner.Service, _, _, reason string) { t.Errorf("told: %s", reason) }}
	run(t, opts, func(t *testing.T, w *world) {
		s, old := service(1, 4)
		new := revision(s, 1, 4)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		each := map[string]trial.Tally{old.ID: answer(50, 0), new.ID: slow(50)}
		w.answers(ctx, each)
		w.deploy(s, old)
		sleep(time.Hour)
		w.deploy(s, new)
		if err := w.Retire(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		sleep(warmUp - 5*time.Second)
		w.locked(func() { each[new.ID] = answer(50, 0) })
		sleep(watchFor)
		stop()
		sleep(time.Second)
	})
}

// What a service did when it served nothing else is no watch, and neither is a restart.
func TestWatchNeedsAnOlderRevision(t *testing.T) {
	t.Parallel()
	opts := Options{Worse: func(apprunner.Service, string, string, string) { t.Error("told of the first revision") }}
	run(t, opts, func(t *testing.T, w *world) {
		s, r := service(1, 4)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		w.answers(ctx, map[string]trial.Tally{r.ID: answer(10, 10)})
		w.deploy(s, r)
		sleep(time.Minute)
		if err := w.Stop(t.Context(), s, HoldPaused); err != nil {
			t.Fatal(err)
		}
		w.deploy(s, r)
		sleep(watchFor)
		stop()
		sleep(time.Second)
	})
}
