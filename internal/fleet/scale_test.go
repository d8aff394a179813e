package fleet

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/autoscale"
)

// load sets how many requests the service has at a time.
func (w *world) load(n int) {
	w.locked(func() { w.sample, w.loaded = autoscale.Sample{Now: n, Peak: n, Average: float64(n)}, true })
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
		if !strings.Contains(told, "Scaling from 1 to 3 instances. Concurrency 25 exceeds 1 instance x 10.") {
			t.Errorf("the events say:\n%s", told)
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
