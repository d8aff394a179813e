package router

import (
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// withCanary is a gate with two instances, and a canary that gets a share.
func withCanary(limit, percent int) *gate {
	g := newGate(limit, "a", "b")
	g.add(Instance{ID: "c", Healthy: true, Canary: true}, bare)
	g.setCanary(percent)
	return g
}

func TestCanaryGetsItsShare(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		percent := rapid.IntRange(0, 99).Draw(t, "percent")
		g := withCanary(10, percent)
		n := rapid.IntRange(1, 1000).Draw(t, "requests")
		got := 0
		for i := range n {
			l := &lease{holder: &user{}}
			if granted, err := g.try(l, false); !granted || err != nil {
				t.Fatalf("claim: granted %v, %v", granted, err)
			}
			if l.instance.canary {
				got++
			}
			if i%7 == 3 {
				g.setCanary(percent) // as each change of instances does
			}
			g.release(l, outcome{})
		}
		if low := n*percent/100 - 1; got < low || got > low+2 {
			t.Fatalf("the canary had %d of %d requests, want %d %%", got, n, percent)
		}
	})
}

func TestCanaryAndWaiting(t *testing.T) {
	t.Parallel()
	canaries := func(t *testing.T, g *gate, n int) (got int) {
		for range n {
			if g.mustTry(t).instance.canary {
				got++
			}
		}
		return got
	}
	t.Run("when the canary is full the others take its turn", func(t *testing.T) {
		t.Parallel()
		if got := canaries(t, withCanary(4, 50), 12); got != 4 {
			t.Errorf("the canary has %d requests", got)
		}
	})
	t.Run("it takes fewer at a time if its revision says so", func(t *testing.T) {
		t.Parallel()
		g := withCanary(10, 50)
		g.add(Instance{ID: "c", Healthy: true, Canary: true, MaxConcurrency: 2}, bare)
		if got := canaries(t, g, 12); got != 2 {
			t.Errorf("the canary has %d requests", got)
		}
	})
	t.Run("when the others are full, requests wait", func(t *testing.T) {
		t.Parallel()
		g := withCanary(4, 10)
		if got := canaries(t, g, 8); got != 0 {
			t.Fatalf("the canary has %d requests", got)
		}
		if granted, err := g.try(&lease{}, false); granted || err != nil {
			t.Errorf("one more than the others take: granted %v, %v", granted, err)
		}
	})
	t.Run("without any other it has all", func(t *testing.T) {
		t.Parallel()
		g := withCanary(4, 10)
		g.setHealthy("a", false)
		g.setHealthy("b", false)
		if got := canaries(t, g, 4); got != 4 {
			t.Errorf("the canary has %d requests", got)
		}
	})
	t.Run("scaling looks at the others", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := withCanary(4, 50)
			canaries(t, g, 4)
			time.Sleep(time.Second)
			if s := g.sample(); s.Ready != 2 || s.Peak != 4 {
				t.Errorf("the sample is %+v", s)
			}
		})
	})
}
