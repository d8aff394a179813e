package router

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// user holds leases in tests of the gate alone.
type user struct{ causes []error }

func (u *user) cut(_ *lease, cause error) { u.causes = append(u.causes, cause) }

func newGate(limit int, ids ...string) *gate {
	g := &gate{demand: func() {}, wake: func(string) {}}
	g.meter = newMeter()
	g.configure(limit, limit, nil)
	for _, id := range ids {
		g.add(Instance{ID: id, Healthy: true}, bare)
	}
	return g
}

func bare(in Instance) *instance { return newInstance(in, nil) }

func (g *gate) mustTry(t *testing.T) *lease {
	t.Helper()
	l := &lease{holder: &user{}}
	if granted, err := g.try(l, false); !granted || err != nil {
		t.Fatalf("claim: granted %v, %v", granted, err)
	}
	return l
}

func TestClaimsSpreadEvenly(t *testing.T) {
	g := newGate(10, "a", "b", "c")
	counts := map[string]int{}
	for range 9 {
		counts[g.mustTry(t).instance.id]++
	}
	if counts["a"] != 3 || counts["b"] != 3 || counts["c"] != 3 {
		t.Errorf("9 claims held at once spread as %v, want 3 each", counts)
	}
	g = newGate(10, "a", "b", "c")
	clear(counts)
	for range 9 {
		l := g.mustTry(t)
		counts[l.instance.id]++
		g.release(l, outcome{})
	}
	if counts["a"] != 3 || counts["b"] != 3 || counts["c"] != 3 {
		t.Errorf("9 claims one after another spread as %v, want 3 each", counts)
	}
}

func TestQueueIsServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, "a")
		held := g.mustTry(t)
		var order []int
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				l := &lease{holder: &user{}}
				again := i == 7 // is tried again, so it goes first
				if err := g.claim(t.Context(), l, time.Minute, again); err != nil {
					t.Error(err)
					return
				}
				order = append(order, i)
				g.release(l, outcome{})
			})
			synctest.Wait()
		}
		g.release(held, outcome{})
		all.Wait()
		if !slices.Equal(order, []int{7, 0, 1, 2, 3, 4, 5, 6}) {
			t.Errorf("served in the order %v", order)
		}
	})
}

func TestWaitEnds(t *testing.T) {
	left := errors.New("the client left")
	for name, tc := range map[string]struct {
		instances []string
		act       func(*gate, context.CancelCauseFunc)
		want      error
		after     time.Duration
	}{
		"when it took too long":       {instances: []string{"a"}, want: errBusy, after: 30 * time.Second},
		"without any instance":        {want: errNoInstance, after: 30 * time.Second},
		"when the client leaves":      {act: func(_ *gate, leave context.CancelCauseFunc) { leave(left) }, want: left},
		"when the service is paused":  {act: func(g *gate, _ context.CancelCauseFunc) { g.configure(1, 1, errPaused) }, want: errPaused},
		"with the first instance":     {act: func(g *gate, _ context.CancelCauseFunc) { g.add(Instance{ID: "n", Healthy: true}, bare) }},
		"with a switch":               {act: func(g *gate, _ context.CancelCauseFunc) { g.replace([]Instance{{ID: "n", Healthy: true}}, bare) }},
		"when an instance is healthy": {instances: []string{"a"}, act: func(g *gate, _ context.CancelCauseFunc) { g.setHealthy("sick", true) }},
		"when the limit is raised":    {instances: []string{"a"}, act: func(g *gate, _ context.CancelCauseFunc) { g.configure(2, 2, nil) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGate(1, tc.instances...)
				for range tc.instances {
					g.mustTry(t)
				}
				g.add(Instance{ID: "sick"}, bare)
				ctx, leave := context.WithCancelCause(t.Context())
				defer leave(nil)
				began := time.Now()
				result := make(chan error)
				l := &lease{holder: &user{}}
				go func() { result <- g.claim(ctx, l, 30*time.Second, false) }()
				synctest.Wait()
				if tc.act != nil {
					tc.act(g, leave)
				}
				err := <-result
				if !errors.Is(err, tc.want) || time.Since(began) != tc.after {
					t.Errorf("after %s: %v; want %v after %s", time.Since(began), err, tc.want, tc.after)
				}
				if (err == nil) != (l.instance != nil) {
					t.Errorf("error %v with instance %v", err, l.instance)
				}
				if s := g.sample(); s.Queued != 0 {
					t.Errorf("%d still queued", s.Queued)
				}
			})
		})
	}
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2, "a", "b")
		for range 4 {
			g.mustTry(t)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var waiting sync.WaitGroup
		for range queueFactor * 2 * 2 {
			waiting.Go(func() { _ = g.claim(ctx, &lease{holder: &user{}}, time.Minute, false) })
		}
		synctest.Wait()
		if err := g.claim(t.Context(), &lease{}, time.Minute, false); !errors.Is(err, errQueueFull) {
			t.Errorf("one more than the queue holds: %v", err)
		}
		cancel()
		waiting.Wait()
	})
}

// As many requests may wait as the service takes when it is as large as it may be.
func TestQueueHasRoomForTheLargestSize(t *testing.T) {
	for _, c := range []struct{ instances, most, want int }{
		{0, 0, 20}, {1, 0, 20}, {1, 25, 50}, {3, 25, 60}, {0, 25, 50}, {1, 3, 20},
	} {
		g := newGate(2)
		g.setMost(c.most)
		for i := range c.instances {
			g.add(Instance{ID: fmt.Sprint(i), Healthy: true}, bare)
		}
		if got := g.depthLocked(); got != c.want {
			t.Errorf("with %d instances of at most %d, %d requests may wait, want %d", c.instances, c.most, got, c.want)
		}
	}
}

func TestDemandIsToldOncePerSample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(10, "a")
		told := 0
		g.demand = func() { told++ }
		g.configure(10, 2, nil)
		for i, want := range []int{0, 0, 1, 1} { // the third exceeds the target
			g.mustTry(t)
			if told != want {
				t.Errorf("told %d times after %d requests, want %d", told, i+1, want)
			}
		}
		g.sample()
		g.mustTry(t)
		if told != 2 {
			t.Errorf("told %d times after a sample and one more request, want 2", told)
		}
	})
}

func TestSampleMeasuresDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(3, "a")
		time.Sleep(time.Second) // none for 1 s
		a, b, c := g.mustTry(t), g.mustTry(t), g.mustTry(t)
		go func() { _ = g.claim(t.Context(), &lease{}, time.Second, false) }()
		time.Sleep(time.Second + time.Millisecond) // 3 in flight and 1 queued for 1 s, then 3 for 1 ms
		for _, l := range []*lease{a, b, c} {
			g.release(l, outcome{})
		}
		time.Sleep(2*time.Second - time.Millisecond)
		s := g.sample()
		if s.Peak != 4 || s.InFlight != 0 || s.Queued != 0 || s.Ready != 1 || s.Average < 1 || s.Average > 1.01 ||
			s.Done != 3 || s.Busy < 0.75 || s.Busy > 0.76 {
			t.Errorf("got %+v, want a peak of 4, and 4 request-seconds in 4 s, of them 3 of the 3 requests in flight", s)
		}
		time.Sleep(time.Second)
		if s := g.sample(); s.Peak != 0 || s.Average != 0 || s.Busy != 0 || s.Done != 0 {
			t.Errorf("got %+v after an idle second", s)
		}
	})
}

func TestSuspectInstanceIsSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, "a")
		for _, pause := range []time.Duration{suspectFirst, 2 * suspectFirst, 4 * suspectFirst} {
			l := g.mustTry(t)
			g.suspect(l.instance)
			g.suspect(l.instance) // a request that failed at the same time
			g.release(l, outcome{status: 502})
			began := time.Now()
			next := &lease{holder: &user{}}
			if err := g.claim(t.Context(), next, time.Minute, false); err != nil || time.Since(began) != pause {
				t.Errorf("next request after %s, %v; want %s", time.Since(began), err, pause)
			}
			g.release(next, outcome{status: 502})
		}
	})
}

// TestGateStress has many goroutines use a gate that changes under them.
func TestGateStress(t *testing.T) {
	const limit = 3
	g := newGate(limit)
	g.wake = func(id string) { go g.awake(id) }
	var busy [4]atomic.Int64
	var served, refused atomic.Int64
	stop := make(chan struct{})
	var changes, users sync.WaitGroup
	changes.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			a, b := i%4, (i+1)%4
			g.replace([]Instance{{ID: fmt.Sprint(a), Address: port(a), Healthy: true}, {ID: fmt.Sprint(b), Address: port(b), Healthy: i%3 > 0}}, bare)
			if i%5 == 0 {
				g.setHealthy(fmt.Sprint(b), true)
			}
			_ = g.drain(t.Context(), fmt.Sprint((i+2)%4))
			g.sleep(fmt.Sprint(a), 0)
		}
	})
	for range 32 {
		users.Go(func() {
			for range 500 {
				l := &lease{holder: &user{}}
				if err := g.claim(t.Context(), l, time.Millisecond, false); err != nil {
					refused.Add(1)
					continue
				}
				n := &busy[l.instance.address.Port()]
				if n.Add(1) > limit {
					t.Error("the limit of an instance was exceeded")
				}
				n.Add(-1)
				served.Add(1)
				g.release(l, outcome{})
			}
		})
	}
	users.Wait()
	close(stop)
	changes.Wait()
	if s := g.sample(); s.InFlight != 0 || s.Queued != 0 || served.Load() == 0 {
		t.Errorf("served %d, refused %d, left over: %+v", served.Load(), refused.Load(), s)
	}
}

func port(n int) netip.AddrPort { return netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(n)) }

// TestGateModel compares the gate with a plain model under random operations.
func TestGateModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 3).Draw(t, "limit")
		g := newGate(limit)
		var held []*lease
		healthy := map[string]bool{} // in rotation
		asleep := map[string]bool{}
		id := rapid.SampledFrom([]string{"a", "b", "c"})
		inFlight := func(id string) (n int) {
			for _, l := range held {
				if l.instance.id == id && l.instance.gone == nil {
					n++
				}
			}
			return n
		}
		t.Repeat(map[string]func(*rapid.T){
			"try": func(t *rapid.T) {
				room, least := false, limit
				for id, ok := range healthy {
					if n := inFlight(id); ok && n < limit && !asleep[id] {
						room, least = true, min(least, n)
					}
				}
				l := &lease{holder: &user{}}
				granted, err := g.try(l, false)
				if err != nil || granted != room {
					t.Fatalf("granted %v, %v with room %v", granted, err, room)
				}
				if !granted {
					return
				}
				if n := inFlight(l.instance.id); n != least || !healthy[l.instance.id] || asleep[l.instance.id] {
					t.Fatalf("instance %q with %d requests, the least is %d", l.instance.id, n, least)
				}
				held = append(held, l)
			},
			"release": func(t *rapid.T) {
				if len(held) == 0 {
					t.Skip("none held")
				}
				i := rapid.IntRange(0, len(held)-1).Draw(t, "which")
				g.release(held[i], outcome{})
				held = slices.Delete(held, i, i+1)
			},
			"add": func(t *rapid.T) {
				id, ok := id.Draw(t, "id"), rapid.Bool().Draw(t, "healthy")
				g.add(Instance{ID: id, Healthy: ok}, bare)
				healthy[id] = ok
			},
			"health": func(t *rapid.T) {
				id, ok := id.Draw(t, "id"), rapid.Bool().Draw(t, "healthy")
				g.setHealthy(id, ok)
				if _, known := healthy[id]; known {
					healthy[id] = ok
				}
			},
			"remove": func(t *rapid.T) {
				id := id.Draw(t, "id")
				g.remove(id)
				delete(healthy, id)
				delete(asleep, id)
			},
			"sleep": func(t *rapid.T) {
				id := id.Draw(t, "id")
				_, known := healthy[id]
				want := known && !asleep[id] && inFlight(id) == 0
				if g.sleep(id, 0) != want {
					t.Fatalf("instance %q sleeps: %v, want %v", id, !want, want)
				}
				if want {
					asleep[id] = true
				}
			},
			"awake": func(t *rapid.T) {
				id := id.Draw(t, "id")
				g.awake(id)
				delete(asleep, id)
			},
			"switch": func(t *rapid.T) {
				set := rapid.SliceOfNDistinct(id, 0, 3, rapid.ID).Draw(t, "set")
				var next []Instance
				clear(healthy)
				for _, id := range set {
					next = append(next, Instance{ID: id, Healthy: true})
					healthy[id] = true
				}
				g.replace(next, bare)
				maps.DeleteFunc(asleep, func(id string, _ bool) bool { return !healthy[id] })
			},
			"": func(t *rapid.T) {
				s := g.sample()
				ready := 0
				for _, ok := range healthy {
					if ok {
						ready++
					}
				}
				if s.InFlight != len(held) || s.Ready != ready {
					t.Fatalf("%d in flight on %d ready, want %d on %d", s.InFlight, s.Ready, len(held), ready)
				}
			},
		})
	})
}
