package fleet

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/engine"
)

// spares returns the instances that are prepared, in the order in which they were made.
func (w *world) spares() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var ids []string
	for _, id := range w.order {
		if i := w.instances[id]; i != nil && i.State == engine.Prepared {
			ids = append(ids, id)
		}
	}
	return ids
}

// With a spare, what scales out costs a start and no preparation; the next spare comes afterwards.
func TestScaleOutUsesTheSpare(t *testing.T) {
	t.Parallel()
	run(t, Options{Spares: 10}, func(t *testing.T, w *world) {
		s, r := service(1, 3)
		w.deploy(s, r)
		sleep(2 * time.Second)
		spare := w.spares()
		if len(spare) != 1 || len(w.backends()) != 1 {
			t.Fatalf("%q are prepared, and %q serve", spare, w.backends())
		}
		w.load(15)
		w.Demanded(s.ID)
		wait()
		if got := w.backends(); len(got) != 2 || !slices.Contains(got, spare[0]) || len(w.now().order) != 2 {
			t.Errorf("%q serve, without the spare %q; %d were made", got, spare, len(w.now().order))
		}
		sleep(2 * time.Second)
		if got := w.spares(); len(got) != 1 || got[0] == spare[0] {
			t.Errorf("%q are prepared after the spare was used", got)
		}
		w.load(30)
		sleep(5 * time.Second)
		if got := w.spares(); len(got) != 0 || len(w.backends()) != 3 {
			t.Errorf("at MaxSize %q are prepared, and %q serve", got, w.backends())
		}
	})
}

func TestSpareReplacesWhatDies(t *testing.T) {
	t.Parallel()
	run(t, Options{Spares: 10}, func(t *testing.T, w *world) {
		s, r := service(1, 2)
		w.deploy(s, r)
		sleep(2 * time.Second)
		spare := w.spares()
		w.kill(w.running()[0], engine.Exit{Code: 1})
		wait()
		if got := w.backends(); !slices.Equal(got, spare) {
			t.Errorf("%q serve, want the spare %q", got, spare)
		}
	})
}

// A spare that ends is made anew, and one that cannot be prepared is left alone for a while.
func TestSpareEnds(t *testing.T) {
	t.Parallel()
	run(t, Options{Spares: 10}, func(t *testing.T, w *world) {
		s, r := service(1, 2)
		w.deploy(s, r)
		sleep(2 * time.Second)
		spare := w.spares()[0]
		w.locked(func() { w.instances[spare].State = engine.Running }) // kill wants one that runs
		w.kill(spare, engine.Exit{Code: 137})
		sleep(3 * time.Second)
		if got := w.spares(); len(got) != 1 || got[0] == spare || len(w.now().instances) != 2 {
			t.Errorf("%q are prepared of %d instances", got, len(w.now().instances))
		}
		w.locked(func() { w.prepare = errors.New("the disk is full") })
		w.load(15)
		w.Demanded(s.ID)
		sleep(10 * time.Second)
		w.locked(func() { w.prepare = nil })
		w.load(0)
		sleep(30 * time.Second)
		if got := w.spares(); len(got) != 0 {
			t.Errorf("%q were prepared within a minute of a failure", got)
		}
		sleep(3 * time.Minute)
		if got := w.spares(); len(got) != 1 {
			t.Errorf("%q are prepared in the end", got)
		}
	})
}

func TestSparesAreBounded(t *testing.T) {
	t.Parallel()
	run(t, Options{Spares: 3}, func(t *testing.T, w *world) {
		for range 5 {
			s, r := service(1, 2)
			w.deploy(s, r)
		}
		sleep(time.Minute)
		if got := w.spares(); len(got) != 3 {
			t.Errorf("%d are prepared, want 3", len(got))
		}
	})
}

func TestNoSpareWithoutRoomToScale(t *testing.T) {
	t.Parallel()
	run(t, Options{Spares: 3}, func(t *testing.T, w *world) {
		s, r := service(2, 2)
		w.deploy(s, r)
		sleep(time.Minute)
		if got := w.spares(); len(got) != 0 {
			t.Errorf("%d are prepared", len(got))
		}
	})
}

func TestSparesEndWithTheService(t *testing.T) {
	t.Parallel()
	run(t, Options{Spares: 3}, func(t *testing.T, w *world) {
		s, r := service(1, 2)
		w.deploy(s, r)
		sleep(2 * time.Second)
		if err := w.Stop(t.Context(), s, HoldPaused); err != nil {
			t.Fatal(err)
		}
		sleep(time.Minute)
		if n := len(w.now().instances); n != 0 {
			t.Errorf("%d instances are left", n)
		}
	})
}

// The spare of what served before stays, so that going back costs only its start.
func TestPreviousRevisionStaysPrepared(t *testing.T) {
	t.Parallel()
	var first, second apprunner.Revision
	previous := func(_ apprunner.Service, serving string) *apprunner.Revision {
		if serving == second.ID {
			return &first
		}
		return nil
	}
	run(t, Options{Spares: 3, Previous: previous}, func(t *testing.T, w *world) {
		s, r := service(1, 3)
		first = r
		first.Served = true
		w.deploy(s, first)
		sleep(2 * time.Second)
		spare := w.spares()[0]
		second = revision(s, 1, 3)
		w.deploy(s, second)
		if err := w.Retire(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		sleep(3 * time.Second)
		if got := w.spares(); len(got) != 2 || got[0] != spare || len(w.running()) != 1 {
			t.Fatalf("%q are prepared, want %q and one of the new revision", got, spare)
		}
		made := len(w.now().order)
		w.deploy(s, first)
		if got := w.backends(); len(got) != 1 || got[0] != spare || len(w.now().order) != made {
			t.Errorf("after the rollback %q serve, want the spare %q", got, spare)
		}
		if err := w.Retire(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		sleep(3 * time.Second)
		for _, id := range w.spares() {
			if w.instance(id).Labels[labelRevision] != first.ID {
				t.Errorf("a spare of another revision is left")
			}
		}
	})
}

// A rollback waits for the instances that the load needs; the others follow.
func TestProvedRevisionNeedsNoMoreThanTheLoad(t *testing.T) {
	t.Parallel()
	for reason, c := range map[string]struct{ load, want int }{
		"no load: the first one is enough": {0, 1},
		"a load for two":                   {15, 2},
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			run(t, Options{}, func(t *testing.T, w *world) {
				s, r := service(3, 5)
				w.deploy(s, r)
				w.load(c.load)
				sleep(2 * time.Second)
				n := 0
				w.locked(func() {
					w.behave = func(engine.Spec) app { n++; return app{slow: time.Duration(n) * time.Minute} }
				})
				old := revision(s, 3, 5)
				old.Served = true
				begin := time.Now()
				w.deploy(s, old)
				if took := time.Since(begin).Round(time.Minute); took != time.Duration(c.want)*time.Minute {
					t.Errorf("it took %v, want until %d are healthy", took, c.want)
				}
				sleep(5 * time.Minute)
				if got := w.backends(); len(got) != 3 {
					t.Errorf("%q serve in the end", got)
				}
			})
		})
	}
}

// To zero and back: the spare waits, a request has it started.
func TestScaleToZero(t *testing.T) {
	t.Parallel()
	opts := asked(tagged(apprunner.TagScaleToZero, "10m"))
	opts.Spares = 3
	run(t, opts, func(t *testing.T, w *world) {
		s, r := service(2, 2)
		w.deploy(s, r)
		w.load(0)
		sleep(9 * time.Minute)
		if got := len(w.backends()); got != 2 {
			t.Fatalf("%d serve after 9 minutes, want MinSize 2", got)
		}
		sleep(2 * time.Minute)
		if w.backends() != nil || len(w.spares()) != 1 || len(w.now().instances) != 1 || w.now().hold != "" {
			t.Fatalf("after 11 minutes %q serve, %q are prepared, and traffic is held: %q", w.backends(), w.spares(), w.now().hold)
		}
		spare := w.spares()[0]
		sleep(time.Hour)
		w.load(1)
		w.Demanded(s.ID)
		wait()
		if got := w.backends(); len(got) != 2 || !slices.Contains(got, spare) {
			t.Errorf("with a request %q serve, want 2 with the spare %q", got, spare)
		}
	})
}

func TestAdoptSpares(t *testing.T) {
	t.Parallel()
	for reason, c := range map[string]struct {
		tag            string
		running        bool
		serve, prepare int
	}{
		"a spare stays one":                          {tag: "slipway:hsts", running: true, serve: 1, prepare: 1},
		"it is used when nothing runs":               {tag: "slipway:hsts", serve: 1, prepare: 1},
		"a service at zero stays there":              {tag: apprunner.TagScaleToZero, serve: 0, prepare: 1},
		"one that is awake stays so for its minutes": {tag: apprunner.TagScaleToZero, running: true, serve: 1, prepare: 1},
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			opts := asked(tagged(c.tag, "10m"))
			opts.Spares = 5
			run(t, opts, func(t *testing.T, w *world) {
				s, r := service(1, 3)
				spare := w.left(s, r, engine.Prepared)
				unwanted := []string{w.left(s, r, engine.Prepared), w.left(s, revision(s, 1, 1), engine.Prepared)}
				if c.running {
					w.left(s, r, engine.Running)
				}
				if err := w.Adopt(t.Context(), []Known{{Service: s, Serving: &r}}); err != nil {
					t.Fatal(err)
				}
				w.load(0)
				sleep(5 * time.Second)
				if got := w.backends(); len(got) != c.serve {
					t.Errorf("%q serve", got)
				}
				if got := w.spares(); len(got) != c.prepare {
					t.Errorf("%q are prepared", got)
				}
				if w.now().instances[unwanted[1]].ID != "" {
					t.Error("a spare of a revision that is gone is left")
				}
				if n := len(w.now().order); n > 4 {
					t.Errorf("%d were made: the spare %s was of no use", n, spare)
				}
				w.load(25)
				w.Demanded(s.ID)
				wait()
				if got := w.backends(); len(got) != 3 {
					t.Errorf("under load %q serve", got)
				}
			})
		})
	}
}
