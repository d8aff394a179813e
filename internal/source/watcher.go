package source

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// Resolver finds what a reference names now.
type Resolver interface {
	Resolve(ctx context.Context, ref Reference) (Resolved, error)
}

// WatcherConfig configures a Watcher.
type WatcherConfig struct {
	Resolver Resolver
	// Interval between two looks at one tag; a minute unless set.
	Interval time.Duration
	// OnDigest is told what a tag names: at the first look, and when that changes. With an error it
	// is told again at the next look.
	OnDigest func(ctx context.Context, image Resolved) error
	Log      *slog.Logger
}

const (
	defaultInterval = time.Minute
	// maxInterval is how rarely a registry that fails is asked.
	maxInterval = 30 * time.Minute
	// looks is how many registries are asked at the same time.
	looks = 4
)

// Watcher looks at tags from time to time, for automatic deployments from registries that do not
// tell. The embedded registry does tell; its references are left out.
type Watcher struct {
	cfg     WatcherConfig
	updates chan []Reference
	slots   chan struct{}
}

// NewWatcher returns a watcher that watches nothing yet.
func NewWatcher(cfg WatcherConfig) *Watcher {
	if cfg.Interval <= 0 {
		cfg.Interval = defaultInterval
	}
	return &Watcher{cfg: cfg, updates: make(chan []Reference, 1), slots: make(chan struct{}, looks)}
}

// Set replaces what is watched. A reference with a digest never changes and is left out.
func (w *Watcher) Set(refs []Reference) {
	for {
		select {
		case w.updates <- refs:
			return
		case <-w.updates: // an older set that Run has not taken yet
		}
	}
}

// Run watches until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := make(map[Reference]context.CancelFunc)
	for {
		select {
		case <-ctx.Done():
			return
		case refs := <-w.updates:
			w.apply(ctx, &wg, watched, refs)
		}
	}
}

func (w *Watcher) apply(ctx context.Context, wg *sync.WaitGroup, watched map[Reference]context.CancelFunc, refs []Reference) {
	wanted := make(map[Reference]bool)
	for _, ref := range refs {
		if !ref.Embedded && ref.Digest == "" {
			wanted[ref] = true
		}
	}
	for ref, stop := range watched {
		if !wanted[ref] {
			stop()
			delete(watched, ref)
		}
	}
	for ref := range wanted {
		if _, ok := watched[ref]; ok {
			continue
		}
		ctx, stop := context.WithCancel(ctx)
		watched[ref] = stop
		wg.Go(func() { w.watch(ctx, ref) })
	}
}

// watch looks at one reference until ctx ends.
func (w *Watcher) watch(ctx context.Context, ref Reference) {
	var known string
	failures := 0
	// The first look comes at a random time, so that a restart does not ask for all at once.
	for wait := rand.N(w.cfg.Interval); ; wait = delay(w.cfg.Interval, failures) {
		if !sleep(ctx, wait) {
			return
		}
		err := w.look(ctx, ref, &known)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failures = 0
		case failures == 0:
			w.cfg.Log.Warn("cannot look for a new image, trying again", "image", ref.String(), "error", err)
			failures++
		default:
			failures++
		}
	}
}

func (w *Watcher) look(ctx context.Context, ref Reference, known *string) error {
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	image, err := w.cfg.Resolver.Resolve(ctx, ref)
	if err != nil || image.Digest == *known {
		return err
	}
	if err := w.cfg.OnDigest(ctx, image); err != nil {
		return err
	}
	*known = image.Digest
	return nil
}

// delay doubles with each failure in a row, and differs by up to a tenth either way.
func delay(interval time.Duration, failures int) time.Duration {
	d := interval << min(failures, 10)
	d = max(min(d, maxInterval), interval)
	return d - d/10 + rand.N(d/5+1)
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
