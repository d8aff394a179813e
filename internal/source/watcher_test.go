package source_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-run/slipway/internal/source"
)

// tags is a registry whose tags move, and which counts the looks at them.
type tags struct {
	mu     sync.Mutex
	names  map[source.Reference]string
	err    error
	looked []time.Time
}

func (g *tags) Resolve(_ context.Context, ref source.Reference) (source.Resolved, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.looked = append(g.looked, time.Now())
	return source.Resolved{Reference: ref, Digest: g.names[ref]}, g.err
}

// looks returns when there were looks, the first n left out.
func (g *tags) looks(n int) []time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.looked[n:])
}

func (g *tags) set(ref source.Reference, digest string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.names[ref], g.err = digest, err
}

// heard collects what a watcher tells.
type heard struct {
	mu   sync.Mutex
	got  []string
	fail int // this many are refused
}

func (h *heard) take(_ context.Context, image source.Resolved) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fail > 0 {
		h.fail--
		return errors.New("busy")
	}
	h.got = append(h.got, image.Reference.Repository+"@"+image.Digest)
	return nil
}

func (h *heard) is(t *testing.T, want ...string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Equal(h.got, want) {
		t.Errorf("heard %q, want %q", h.got, want)
	}
}

// watch runs a watcher in the bubble of the test.
func watch(t *testing.T, g *tags, h *heard) *source.Watcher {
	t.Helper()
	w := source.NewWatcher(source.WatcherConfig{Resolver: g, Interval: time.Minute, OnDigest: h.take, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return w
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

var app = source.Reference{Host: "ghcr.io", Repository: "app", Tag: "v1"}

func TestWatcher_TellsWhatATagNamesAndWhenItMoves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, h := &tags{names: map[source.Reference]string{app: "one"}}, &heard{}
		w := watch(t, g, h)
		w.Set([]source.Reference{app})
		pass(time.Minute)
		h.is(t, "app@one")
		pass(10 * time.Minute)
		h.is(t, "app@one")
		g.set(app, "two", nil)
		pass(67 * time.Second)
		h.is(t, "app@one", "app@two")
	})
}

func TestWatcher_LooksOnceInAnIntervalMoreOrLess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, h := &tags{names: map[source.Reference]string{app: "one"}}, &heard{}
		w := watch(t, g, h)
		w.Set([]source.Reference{app})
		pass(time.Hour)
		looked := g.looks(0)
		for i, at := range looked[1:] {
			if gap := at.Sub(looked[i]); gap < 54*time.Second || gap > 66*time.Second {
				t.Errorf("look %d came after %s", i+1, gap)
			}
		}
		if n := len(g.looks(0)); n < 54 || n > 67 {
			t.Errorf("%d looks in an hour", n)
		}
	})
}

func TestWatcher_LooksLessOftenWhileARegistryFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, h := &tags{names: map[source.Reference]string{}, err: errors.New("down")}, &heard{}
		w := watch(t, g, h)
		w.Set([]source.Reference{app})
		pass(24 * time.Hour)
		if n := len(g.looks(0)); n < 40 || n > 70 {
			t.Errorf("%d looks in a day at a registry that fails", n)
		}
		g.set(app, "one", nil)
		pass(40 * time.Minute)
		h.is(t, "app@one")
		before := len(g.looks(0))
		pass(10 * time.Minute)
		if n := len(g.looks(before)); n < 8 {
			t.Errorf("%d looks in ten minutes at a registry that is well again", n)
		}
	})
}

func TestWatcher_TellsAgainWhatWasRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, h := &tags{names: map[source.Reference]string{app: "one"}}, &heard{fail: 1}
		w := watch(t, g, h)
		w.Set([]source.Reference{app})
		pass(time.Minute)
		h.is(t)
		pass(3 * time.Minute)
		h.is(t, "app@one")
	})
}

func TestWatcher_WatchesOnlyWhatItIsToldAndWhatCanMove(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inside := source.Reference{Host: "here", Repository: "inside", Tag: "v1", Embedded: true}
		pinned := source.Reference{Host: "ghcr.io", Repository: "pinned", Digest: digest}
		other := source.Reference{Host: "ghcr.io", Repository: "other", Tag: "v1"}
		g := &tags{names: map[source.Reference]string{app: "one", inside: "one", pinned: "one", other: "one"}}
		h := &heard{}
		w := watch(t, g, h)
		w.Set([]source.Reference{inside, pinned})
		w.Set([]source.Reference{inside, pinned, app})
		pass(2 * time.Minute)
		h.is(t, "app@one")
		w.Set([]source.Reference{other})
		pass(2 * time.Minute)
		h.is(t, "app@one", "other@one")
		before := len(g.looks(0))
		g.set(app, "two", nil)
		w.Set(nil)
		pass(time.Hour)
		h.is(t, "app@one", "other@one")
		if n := len(g.looks(before)); n > 0 {
			t.Errorf("%d looks at nothing", n)
		}
	})
}
