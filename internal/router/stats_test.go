package router

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLatencyBoundsGrowByAQuarterAtMostAHalf(t *testing.T) {
	last := time.Duration(0)
	for i, bound := range LatencyBounds {
		if bound <= last || (last > 0 && bound > last*4/3) {
			t.Errorf("bound %d is %v after %v", i, bound, last)
		}
		last = bound
	}
	if last != 2*time.Minute {
		t.Errorf("the last bound is %v, want that of a request", last)
	}
}

func TestDurations(t *testing.T) {
	var d Durations
	for _, took := range []time.Duration{0, 100 * time.Microsecond, 101 * time.Microsecond, time.Hour} {
		d.add(took)
	}
	last := len(d.Buckets) - 1
	if d.Count != 4 || d.Buckets[0] != 2 || d.Buckets[1] != 1 || d.Buckets[last] != 1 {
		t.Errorf("got %+v", d)
	}
	if d.Shortest != 1 || d.Longest != time.Hour {
		t.Errorf("shortest %v, longest %v", d.Shortest, d.Longest)
	}
	d.restart()
	d.add(time.Second)
	if d.Shortest != time.Second || d.Longest != time.Second || d.Count != 5 {
		t.Errorf("after a restart: shortest %v, longest %v of %d", d.Shortest, d.Longest, d.Count)
	}
}

// A service without instances is woken by three requests at once; later one of them makes another wait
// that finds the instance busy, which is no wake.
func TestWaitsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		claim := func(hold time.Duration) {
			l := &lease{holder: &user{}}
			if err := g.claim(t.Context(), l, time.Minute, false); err != nil {
				t.Error(err)
				return
			}
			time.Sleep(hold)
			g.release(l, outcome{status: 200, took: hold})
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { claim(time.Second) })
		}
		time.Sleep(2 * time.Second)
		g.add(Instance{ID: "a", Healthy: true}, bare)
		all.Wait() // waits of 2, 3 and 4 s
		all.Go(func() { claim(5 * time.Second) })
		synctest.Wait()
		all.Go(func() { claim(0) })
		all.Wait()

		s := g.stats(true)
		if w := s.Waits.Queue; w.Count != 4 || w.Sum != 14*time.Second || w.Shortest != 2*time.Second || w.Longest != 5*time.Second {
			t.Errorf("waited: %d for %v, %v to %v", w.Count, w.Sum, w.Shortest, w.Longest)
		}
		if w := s.Waits.Wake; w.Count != 3 || w.Sum != 9*time.Second || s.Waits.ColdStarts != 1 {
			t.Errorf("woken: %d for %v, by %d starts", w.Count, w.Sum, s.Waits.ColdStarts)
		}
		if s.Load.Peak != 3 || s.Load.Sum != 2*3+3+2+1+5+5 {
			t.Errorf("load: %+v", s.Load)
		}
		if in := s.Instances["a"]; in.Load.Peak != 1 || in.Load.Sum != 3+5 || in.Tally.Requests != 5 {
			t.Errorf("load of the instance: %+v", in.Load)
		}
		if again := g.stats(true); again.Load.Peak != 0 || again.Waits.Queue.Longest != 0 || again.Waits.Queue.Count != 4 {
			t.Errorf("extremes do not begin anew: %+v, %v", again.Load, again.Waits.Queue.Longest)
		}
	})
}

func TestGivingUpIsNoWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		if err := g.claim(t.Context(), &lease{holder: &user{}}, 3*time.Second, false); err == nil {
			t.Fatal("got an instance of none")
		}
		w := g.stats(false).Waits
		if w.Queue.Count != 1 || w.Queue.Sum != 3*time.Second || w.Wake.Count != 0 || w.ColdStarts != 1 {
			t.Errorf("got %+v", w)
		}
	})
}
