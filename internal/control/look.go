package control

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// looks is how many services are looked at side by side: each may mean a question to a registry or a run
// of git.
const looks = 8

// looker looks at services when it is told to: each soon and never twice at a time, some side by side,
// since what is asked about one may be slow to answer.
type looker struct {
	what string // a service is looked at for
	log  *slog.Logger

	mu      sync.Mutex
	pending map[string]bool // ids of services to look at
	looking map[string]bool // that are being looked at
	wake    chan struct{}
	slots   chan struct{} // taken by looks
}

func newLooker(what string, log *slog.Logger) *looker {
	return &looker{
		what: what, log: log, pending: map[string]bool{}, looking: map[string]bool{},
		wake: make(chan struct{}, 1), slots: make(chan struct{}, looks),
	}
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

// retryLook is when a service is looked at again that could not be.
const retryLook = time.Minute

// run looks at services until ctx ends.
func (l *looker) run(ctx context.Context, look func(ctx context.Context, id string) error) {
	var looks sync.WaitGroup
	defer looks.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
		l.mu.Lock()
		for id := range l.pending {
			if l.looking[id] {
				continue // again when that look has ended
			}
			delete(l.pending, id)
			l.looking[id] = true
			looks.Go(func() { l.lookAt(ctx, id, look) })
		}
		l.mu.Unlock()
	}
}

// lookAt looks at one service.
func (l *looker) lookAt(ctx context.Context, id string, look func(ctx context.Context, id string) error) {
	var err error
	select {
	case l.slots <- struct{}{}:
		err = look(ctx, id)
		<-l.slots
	case <-ctx.Done():
	}
	l.mu.Lock()
	delete(l.looking, id)
	again := l.pending[id]
	l.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case again:
		l.Look(id)
	case apprunner.CodeOf(err) == apprunner.ResourceNotFound:
		l.log.Warn("there is no such service to look at for "+l.what, "service", id)
	case err != nil:
		l.log.Warn("a service could not be looked at for "+l.what+", trying again", "service", id, "error", err)
		time.AfterFunc(retryLook, func() { l.Look(id) }) // harmless after the end
	}
}
