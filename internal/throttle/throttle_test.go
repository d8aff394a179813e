package throttle

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func allowed(l *Limiter, key string, calls int) (n int) {
	for range calls {
		if l.Allow(key) {
			n++
		}
	}
	return n
}

func TestBurstThenRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := New(20, 100, time.Now)
		want := func(reason, key string, calls, n int) {
			t.Helper()
			if got := allowed(l, key, calls); got != n {
				t.Errorf("%s: %d of %d calls are allowed, want %d", reason, got, calls, n)
			}
		}
		want("at first", "a", 150, 100)
		want("another key", "b", 1, 1)
		time.Sleep(49 * time.Millisecond)
		want("before the next token", "a", 1, 0)
		time.Sleep(time.Millisecond)
		want("with it", "a", 2, 1)
		time.Sleep(time.Second)
		want("after a second", "a", 50, 20)
		time.Sleep(time.Hour)
		want("after a long rest, no more than a burst", "a", 500, 100)
	})
}

func TestClockThatGoesBack(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	l := New(1, 1, func() time.Time { return now })
	if !l.Allow("a") || l.Allow("a") {
		t.Fatal("a burst of one is not one call")
	}
	now = now.Add(-time.Hour)
	if l.Allow("a") {
		t.Error("a clock that went back gave a token")
	}
	now = now.Add(time.Second)
	if !l.Allow("a") {
		t.Error("a second after that there is no token")
	}
}

// Whatever the pattern of calls, no more than the burst and what flows in meanwhile gets through.
func TestNeverMoreThanItsShare(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate, burst := rapid.IntRange(1, 50).Draw(t, "rate"), rapid.IntRange(1, 50).Draw(t, "burst")
		start := time.Unix(0, 0)
		now := start
		l := New(float64(rate), burst, func() time.Time { return now })
		passed := 0
		for _, pause := range rapid.SliceOf(rapid.IntRange(0, 200)).Draw(t, "pauses in milliseconds") {
			now = now.Add(time.Duration(pause) * time.Millisecond)
			if l.Allow("a") {
				passed++
			}
		}
		if most := float64(burst) + float64(rate)*now.Sub(start).Seconds() + 1e-6; float64(passed) > most {
			t.Fatalf("%d calls passed in %v, at most %v may", passed, now.Sub(start), most)
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	l := New(0.001, 100, time.Now)
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { passed.Add(int64(allowed(l, "a", 50))) })
	}
	wg.Wait()
	if passed.Load() != 100 {
		t.Errorf("%d calls passed, want 100", passed.Load())
	}
}

func TestForgetsFullBuckets(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	l := New(1, 2, func() time.Time { return now })
	for i := range 10 * forgetAbove {
		now = now.Add(time.Second)
		l.Allow(fmt.Sprint(i))
	}
	if n := len(l.buckets); n > forgetAbove {
		t.Errorf("%d buckets are kept", n)
	}
}
