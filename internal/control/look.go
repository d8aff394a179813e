package control

import (
	"context"
	"log/slog"
	"sync"
)

// looker looks at services when it is told to, each soon and never two at a time.
type looker struct {
	what string // a service is looked at for
	log  *slog.Logger

	mu      sync.Mutex
	pending map[string]bool // ids of services to look at
	wake    chan struct{}
}

func newLooker(what string, log *slog.Logger) *looker {
	return &looker{what: what, log: log, pending: map[string]bool{}, wake: make(chan struct{}, 1)}
}

// Look has a service looked at soon. It never blocks.
func (l *looker) Look(serviceID string) {
	l.mu.Lock()
	l.pending[serviceID] = true
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run looks at services until ctx ends.
func (l *looker) run(ctx context.Context, look func(ctx context.Context, id string) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
		l.mu.Lock()
		ids := l.pending
		l.pending = map[string]bool{}
		l.mu.Unlock()
		for id := range ids {
			if err := look(ctx, id); err != nil && ctx.Err() == nil {
				l.log.Warn("a service could not be looked at for "+l.what, "service", id, "error", err)
			}
		}
	}
}
