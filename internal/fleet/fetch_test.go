package fleet

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/engine"
)

// An image that the engine has lost is fetched again, also when that fails at first.
func TestImageIsFetchedAgain(t *testing.T) {
	t.Parallel()
	fetched := 0
	var w *world
	fetch := func(context.Context, apprunner.Service, apprunner.Revision) error {
		if fetched++; fetched == 1 {
			return engine.Errorf(engine.Unavailable, "the registry does not answer")
		}
		w.locked(func() { w.prepare = nil })
		return nil
	}
	run(t, Options{Fetch: fetch}, func(t *testing.T, world *world) {
		w = world
		s, r := service(1, 2)
		w.locked(func() { w.prepare = engine.Errorf(engine.NotFound, "image is not in the engine's store") })
		if err := w.Adopt(t.Context(), []Known{{Service: s, Serving: &r}}); err != nil {
			t.Fatal(err)
		}
		sleep(5 * time.Second)
		if fetched != 2 || len(w.backends()) != 1 {
			t.Errorf("fetched %d times, %d instances serve", fetched, len(w.backends()))
		}
		if told := strings.Join(w.now().journal, "\n"); !strings.Contains(told, "Pulling it again") {
			t.Errorf("the events say:\n%s", told)
		}
	})
}
