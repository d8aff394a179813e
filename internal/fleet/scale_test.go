package fleet

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/autoscale"
	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/trial"
)

// load sets how many requests the service has at a time.
func (w *world) load(n int) {
	ready := len(w.backends())
	w.locked(func() {
		w.sample, w.loaded = autoscale.Sample{Now: n, Peak: n, Average: float64(n), Ready: ready}, true
	})
}

func TestScale(t *testing.T) {
	t.Parallel()
	run(t, Options{IdleAfter: time.Minute}, func(t *testing.T, w *world) {
		s, r := service(1, 4)
		w.deploy(s, r)
		oldest := w.running()[0]
		sleep(time.Second)

		w.load(25) // at 10 an instance
		w.Demanded(s.ID)
		w.Demanded("unknown")
		wait()
		if got := len(w.backends()); got != 3 {
			t.Errorf("%d instances serve 25 requests, want 3 at once", got)
		}
		w.load(1000)
		sleep(3 * time.Second)
		if got := len(w.backends()); got != 4 {
			t.Errorf("%d instances serve, want MaxSize 4", got)
		}
		w.load(0)
		sleep(50 * time.Second)
		if got := len(w.running()); got != 4 {
			t.Errorf("%d instances run before the load was low for a minute", got)
		}
		sleep(2 * time.Minute)
		if got := w.running(); !slices.Equal(got, []string{oldest}) {
			t.Errorf("%q run; want the oldest alone, which has proved itself", got)
		}
		told := strings.Join(w.now().journal, "\n")
		if !strings.Contains(told, "Scaling from 1 to 3 instances. 15 waiting, 10 per instance.") {
			t.Errorf("the events say:\n%s", told)
		}
		records := w.now().scaled
		if len(records) < 3 || records[0].From != 1 || records[0].To != 3 || records[0].Inputs.Waiting != 15 || records[1].Need != 100 {
			t.Errorf("the decisions are recorded as %+v", records)
		}
		if now, ok := w.Scaling(s.ID); !ok || now.To != 1 || now.Reason != "The last minute needed 1 instance: there was no request." {
			t.Errorf("now the autoscaler says %+v", now)
		}
		// Whatever was removed was drained first.
		for i, call := range w.now().did {
			if id, ok := strings.CutPrefix(call, "remove "); ok && !slices.Contains(w.now().did[:i], "drain "+id) {
				t.Errorf("instance %s was removed without a drain", id)
			}
		}
	})
}

func TestScaleWithoutTraffic(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		s, r := service(1, 4)
		w.load(100)
		if err := w.Deploy(t.Context(), s, r); err != nil {
			t.Fatal(err)
		}
		sleep(time.Minute)
		if got := len(w.running()); got != 1 {
			t.Errorf("%d instances run for a revision that does not serve", got)
		}
	})
}

// A burst of demands never blocks the router.
func TestDemandedNeverBlocks(t *testing.T) {
	t.Parallel()
	f := New(t.Context(), nil, nil, nil, nil, nil, Options{}) // nobody reads
	for range 1000 {
		f.Demanded("service")
	}
}

// The first request that waits is acted on at once, and the rest of the burst together.
func TestBurst(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		s, r := service(1, 25)
		w.deploy(s, r)
		sleep(500 * time.Millisecond)
		for n := range 40 { // a request each millisecond, at 10 an instance
			w.load(11 + n)
			w.Demanded(s.ID)
			sleep(time.Millisecond)
		}
		sleep(burstPause)
		if got := len(w.backends()); got != 5 {
			t.Errorf("%d instances serve 50 requests", got)
		}
		if records := w.now().scaled; len(records) > 3 || records[0].To != 2 {
			t.Errorf("the decisions are %+v", records)
		}
	})
}

// A service that needs more than MaxSize says so once, and again when it had enough in between.
func TestScaleBeyondMaxSize(t *testing.T) {
	t.Parallel()
	run(t, Options{}, func(t *testing.T, w *world) {
		s, r := service(1, 1)
		w.deploy(s, r)
		for range 2 {
			w.load(30)
			sleep(10 * time.Minute)
			w.load(3)
			sleep(2 * time.Minute)
		}
		want := "20 waiting, 10 per instance. It needs 3 instances but may have at most 1 (MaxSize)."
		told := 0
		for _, event := range w.now().journal {
			if event == want {
				told++
			}
		}
		if told != 2 || len(w.now().scaled) != 2 {
			t.Errorf("told %d times in %q, recorded %+v", told, w.now().journal, w.now().scaled)
		}
	})
}

// wants makes every service want the same beyond App Runner.
func wants(o apprunner.Options) Options {
	return Options{Asked: func(apprunner.Service) apprunner.Options { return o }}
}

func TestScaleByUsage(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		options apprunner.Options
		cpu     float64
		memory  int64
		want    int
		reason  string
	}{
		"CPU":               {apprunner.Options{ScaleCPU: 60}, 90, 10, 4, "CPU at 90 % of 1 instance, 60 % wanted."}, // each of any number uses 90 %
		"memory":            {apprunner.Options{ScaleMemory: 60}, 10, 90, 4, "memory at 90 % of 1 instance, 60 % wanted."},
		"nobody asked":      {apprunner.Options{}, 90, 90, 1, ""},
		"less than allowed": {apprunner.Options{ScaleCPU: 95, ScaleMemory: 95}, 90, 90, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, wants(tc.options), func(t *testing.T, w *world) {
				s, r := service(1, 4)
				r.Spec.Instance.CPU = 1024
				w.deploy(s, r)
				w.locked(func() {
					w.use = func(running time.Duration) engine.Stats {
						return engine.Stats{CPU: time.Duration(tc.cpu / 100 * float64(running)), Memory: tc.memory, MemoryLimit: 100}
					}
				})
				for range 60 {
					sleep(time.Second)
					w.load(3)
				}
				if got := len(w.backends()); got != tc.want {
					t.Errorf("%d instances serve, want %d: %q", got, tc.want, w.now().journal)
				}
				if told := strings.Join(w.now().journal, "\n"); !strings.Contains(told, tc.reason) {
					t.Errorf("the events say:\n%s", told)
				}
			})
		})
	}
}

func TestScaleByServed(t *testing.T) {
	t.Parallel()
	bounds := []time.Duration{100 * time.Millisecond, time.Second}
	for name, tc := range map[string]struct {
		options apprunner.Options
		each    trial.Tally // in a second
		want    int
		reason  string
	}{
		"requests per second": {apprunner.Options{ScaleRPS: 20}, trial.Tally{Requests: 55, Latency: []int64{55, 0, 0}}, 3, "55 requests a second, 20 per instance."},
		"latency":             {apprunner.Options{ScaleP95: 100 * time.Millisecond}, trial.Tally{Requests: 50, Latency: []int64{0, 50, 0}}, 3, "p95 latency 955ms, 100ms wanted."}, // three requests at a time: a fourth would have none
		"few requests":        {apprunner.Options{ScaleP95: 100 * time.Millisecond}, trial.Tally{Requests: 2, Latency: []int64{0, 2, 0}}, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, wants(tc.options), func(t *testing.T, w *world) {
				s, r := service(1, 4)
				w.deploy(s, r)
				served := trial.Tally{Latency: make([]int64, 3)}
				for range 40 {
					served = served.Plus(tc.each)
					w.load(3)
					w.locked(func() { w.tallies = Tallies{Service: served, Bounds: bounds} })
					sleep(time.Second)
				}
				if got := len(w.backends()); got != tc.want {
					t.Errorf("%d instances serve, want %d: %q", got, tc.want, w.now().journal)
				}
				if told := strings.Join(w.now().journal, "\n"); !strings.Contains(told, tc.reason) {
					t.Errorf("the events say:\n%s", told)
				}
			})
		})
	}
}

func TestScaleToZeroAndBack(t *testing.T) {
	t.Parallel()
	run(t, wants(apprunner.Options{ScaleToZeroAfter: 10 * time.Minute}), func(t *testing.T, w *world) {
		s, r := service(2, 4)
		w.deploy(s, r)
		w.load(1)
		sleep(time.Minute)
		w.load(0)
		sleep(9 * time.Minute)
		if got := len(w.running()); got != 2 {
			t.Errorf("%d instances run after nine minutes, want MinSize 2", got)
		}
		sleep(2 * time.Minute)
		if got := len(w.backends()); got != 0 {
			t.Errorf("%d instances serve after eleven minutes without a request", got)
		}
		w.load(1)
		w.Demanded(s.ID)
		sleep(5 * time.Second)
		if got := len(w.backends()); got != 2 {
			t.Errorf("%d instances serve after a request came, want MinSize 2", got)
		}
	})
}
