package router

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// sleepers is a gate whose instances all sleep, and what it asked to wake.
func sleepers(limit int, ids ...string) (*gate, *[]string) {
	g := newGate(limit, ids...)
	var woken []string
	g.wake = func(id string) { woken = append(woken, id) }
	for _, id := range ids {
		g.sleep(id, 0)
	}
	return g, &woken
}

func TestWhoMaySleep(t *testing.T) {
	for reason, tc := range map[string]struct {
		before func(t *testing.T, g *gate)
		want   bool
	}{
		"an instance without requests": {func(*testing.T, *gate) {}, true},
		"not for long enough yet": {func(t *testing.T, g *gate) {
			l := &lease{holder: &user{}}
			_, _ = g.try(l, false)
			g.release(l, outcome{})
		}, false},
		"not while it has a request":    {func(t *testing.T, g *gate) { _, _ = g.try(&lease{holder: &user{}}, false) }, false},
		"not when it sleeps already":    {func(t *testing.T, g *gate) { g.sleep("a", 0) }, false},
		"not when it left the rotation": {func(t *testing.T, g *gate) { g.replace(nil, bare) }, false},
		"not while requests wait for room": {func(t *testing.T, g *gate) {
			g.suspect(g.instances[0])
			go func() { _ = g.claim(t.Context(), &lease{}, time.Second, false) }()
		}, false},
	} {
		t.Run(reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGate(1, "a")
				time.Sleep(time.Second)
				tc.before(t, g)
				synctest.Wait()
				if got := g.sleep("a", time.Second); got != tc.want {
					t.Errorf("it sleeps: %v", got)
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

// A request that finds nobody awake waits until one is, and knows how long that took.
func TestRequestWaitsForTheWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, woken := sleepers(2, "a", "b")
		leases := [3]lease{}
		var waiting sync.WaitGroup
		for i := range leases {
			leases[i].holder = &user{}
			waiting.Go(func() {
				if err := g.claim(t.Context(), &leases[i], time.Minute, false); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
			// Two fit into the first, so it is told once; the third needs another one.
			if want := []int{1, 1, 2}[i]; len(*woken) != want {
				t.Errorf("after %d requests these were told to wake: %v", i+1, *woken)
			}
		}
		time.Sleep(7 * time.Millisecond)
		g.awake((*woken)[0])
		time.Sleep(time.Millisecond)
		g.awake((*woken)[1])
		waiting.Wait()
		if leases[0].woke != 7*time.Millisecond || leases[2].woke != 8*time.Millisecond {
			t.Errorf("they waited %v and %v", leases[0].woke, leases[2].woke)
		}
		counted := g.stats(false).Waits
		if w := counted.Wake; counted.Woken != 2 || w.Count != 3 || w.Sum != 22*time.Millisecond || w.Longest != 8*time.Millisecond || counted.ColdStarts != 0 {
			t.Errorf("counted %+v", counted)
		}
		if g.mustTry(t); leases[0].instance.waking || g.stats(false).Waits != counted {
			t.Error("a request of an instance that is awake counts as one that woke it")
		}
	})
}

// A second request does not wait for a second instance while the first has room, but wakes it.
func TestLoadWakesOneMore(t *testing.T) {
	g, woken := sleepers(10, "a", "b", "c")
	g.awake("a")
	for i, want := range []int{0, 1, 2, 2} {
		g.mustTry(t)
		if len(*woken) != want {
			t.Errorf("after %d requests these were told to wake: %v", i+1, *woken)
		}
	}
}

// When an instance does not wake but goes, another one is told.
func TestSleeperIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, woken := sleepers(1, "a", "b")
		l := &lease{holder: &user{}}
		go func() { _ = g.claim(t.Context(), l, time.Minute, false) }()
		synctest.Wait()
		g.replace(slices.DeleteFunc([]Instance{{ID: "a", Healthy: true}, {ID: "b", Healthy: true}}, func(in Instance) bool { return in.ID == (*woken)[0] }), bare)
		if len(*woken) != 2 || (*woken)[0] == (*woken)[1] {
			t.Fatalf("these were told to wake: %v", *woken)
		}
		g.awake((*woken)[1])
		synctest.Wait()
		if l.instance == nil || l.instance.id != (*woken)[1] {
			t.Error("the request did not get the instance that woke")
		}
	})
}

func TestColdStartIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(10)
		for range 3 {
			go func() { _ = g.claim(t.Context(), &lease{holder: &user{}}, time.Minute, false) }()
		}
		time.Sleep(100 * time.Millisecond)
		g.add(Instance{ID: "a", Healthy: true}, bare)
		synctest.Wait()
		w := g.stats(false).Waits
		if w.ColdStarts != 1 || w.Wake.Count != 3 || w.Wake.Sum != 300*time.Millisecond || w.Wake.Longest != 100*time.Millisecond {
			t.Errorf("counted %+v", w)
		}
	})
}

// rouser wakes instances as a fleet does.
type rouser struct {
	*recorder
	wake chan string
}

func (r rouser) Wake(_, instance string) { r.wake <- instance }

// The whole way, with both servers: an instance sleeps, a request wakes it.
func TestSleepAndWake(t *testing.T) {
	seen := rouser{newRecorder(), make(chan string, 10)}
	f := newFixture(t, Options{Observer: seen}, Route{State: Serving})
	f.backend("a", reply("here"))
	f.get("/")
	if !f.router.Sleep("svc", "a", 0) || f.router.Sleep("svc", "unknown", 0) || f.router.Sleep("unknown", "a", 0) {
		t.Fatal("who sleeps is not right")
	}
	if s := f.stats(); !s.Instances["a"].Asleep || !s.Instances["a"].Ready {
		t.Errorf("its statistics: %+v", s.Instances["a"])
	}
	go func() {
		id := <-seen.wake
		time.Sleep(20 * time.Millisecond)
		f.router.Awake("svc", id)
	}()
	began := time.Now()
	if res, body := f.get("/"); res.StatusCode != http.StatusOK || body != "here" {
		t.Errorf("it answers %d %q", res.StatusCode, body)
	}
	if took := time.Since(began); took < 20*time.Millisecond {
		t.Errorf("it was answered after %v, asleep", took)
	}
	if w := f.stats().Waits; w.Woken != 1 || w.Wake.Count != 1 || w.Wake.Sum < 20*time.Millisecond {
		t.Errorf("counted %+v", w)
	}
}

// Whoever was told and had no time is told again, as long as somebody waits.
func TestRemind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told []string
		r := New(Options{Observer: reminded(func(what string) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, what)
		})})
		if err := r.SetService(Route{ServiceID: "svc", State: Serving, Hosts: []string{testHost}, MaxConcurrency: 1}); err != nil {
			t.Fatal(err)
		}
		check := func(when string, want ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			slices.Sort(told)
			if !slices.Equal(told, want) {
				t.Errorf("%s: told %q, want %q", when, told, want)
			}
			told = nil
		}
		r.Remind()
		check("nobody waits")
		gate := &r.services["svc"].gate
		go func() { _ = gate.claim(t.Context(), &lease{}, time.Minute, false) }()
		check("somebody waits", "demand")
		r.Remind()
		check("of the demand", "demand")
		if err := r.AddInstance("svc", Instance{ID: "a", Healthy: true, Asleep: true}); err != nil {
			t.Fatal(err)
		}
		r.Remind()
		check("of one that sleeps, which was told once already", "demand", "wake a", "wake a")
		r.Remind()
		check("of one that is waking", "demand", "wake a")
		r.Awake("svc", "a")
		r.Remind()
		check("it is awake")
	})
}

// reminded is an Observer that is told to a function.
type reminded func(string)

func (reminded) InstanceFailed(string, string, error) {}
func (f reminded) Demand(string)                      { f("demand") }
func (f reminded) Wake(_, id string)                  { f("wake " + id) }
