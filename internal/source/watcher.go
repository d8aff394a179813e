package source

import (
	"context"
	"log/slog"
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
type Watcher struct{ *Poller[Reference] }

// NewWatcher returns a watcher that watches nothing yet.
func NewWatcher(cfg WatcherConfig) *Watcher {
	return &Watcher{NewPoller(PollerConfig[Reference]{
		Interval: cfg.Interval,
		Look: func(ctx context.Context, ref Reference, known string) (string, error) {
			image, err := cfg.Resolver.Resolve(ctx, ref)
			if err != nil || image.Digest == known {
				return known, err
			}
			return image.Digest, cfg.OnDigest(ctx, image)
		},
		Failed: func(ref Reference, err error) {
			cfg.Log.Warn("cannot look for a new image, trying again", "image", ref.String(), "error", err)
		},
	})}
}

// Set replaces what is watched. A reference with a digest never changes and is left out.
func (w *Watcher) Set(refs []Reference) {
	var moving []Reference
	for _, ref := range refs {
		if !ref.Embedded && ref.Digest == "" {
			moving = append(moving, ref)
		}
	}
	w.Poller.Set(moving)
}
