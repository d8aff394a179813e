package containerd

import (
	"context"
	"sync"

	"github.com/slipway-run/slipway/internal/engine"
)

// hub hands events to all that read them. It never waits for a reader: for each it keeps the
// latest event of every instance until that is taken, so a slow reader skips states that have
// passed but misses none that lasts.
//
// An exit is final. What was found out before it, and is told after it, is left out.
type hub struct {
	mu      sync.Mutex
	readers map[*reader]struct{}
	ended   map[string]bool // instances whose exit was told
}

type reader struct {
	wake    chan struct{}
	pending map[string]engine.Event
	order   []string // ids with a pending event, oldest first
}

func (h *hub) publish(ev engine.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case ev.State == engine.Exited:
		if h.ended == nil {
			h.ended = map[string]bool{}
		}
		h.ended[ev.ID] = true
	case ev.State == engine.Prepared: // the same id once more
		delete(h.ended, ev.ID)
	case h.ended[ev.ID]:
		return
	}
	for r := range h.readers {
		r.add(ev)
	}
}

// introduce tells one reader what is so at present, unless there is newer news for it.
func (h *hub) introduce(r *reader, ev engine.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, newer := r.pending[ev.ID]; newer || (h.ended[ev.ID] && ev.State != engine.Exited) {
		return
	}
	r.add(ev)
}

// forget drops what is kept of an instance that is gone.
func (h *hub) forget(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.ended, id)
}

func (r *reader) add(ev engine.Event) {
	if _, ok := r.pending[ev.ID]; !ok {
		r.order = append(r.order, ev.ID)
	}
	r.pending[ev.ID] = ev
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// subscribe returns the events from now on. The channel closes with ctx.
func (h *hub) subscribe(ctx context.Context) (<-chan engine.Event, *reader) {
	r := &reader{wake: make(chan struct{}, 1), pending: map[string]engine.Event{}}
	h.mu.Lock()
	if h.readers == nil {
		h.readers = map[*reader]struct{}{}
	}
	h.readers[r] = struct{}{}
	h.mu.Unlock()
	out := make(chan engine.Event)
	go func() { // ends with ctx
		defer close(out)
		defer h.drop(r)
		for ctx.Err() == nil {
			for {
				ev, ok := h.take(r)
				if !ok {
					break
				}
				select {
				case out <- ev:
				case <-ctx.Done():
					return
				}
			}
			select {
			case <-r.wake:
			case <-ctx.Done():
			}
		}
	}()
	return out, r
}

func (h *hub) take(r *reader) (engine.Event, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(r.order) == 0 {
		return engine.Event{}, false
	}
	id := r.order[0]
	r.order = r.order[1:]
	ev := r.pending[id]
	delete(r.pending, id)
	return ev, true
}

func (h *hub) drop(r *reader) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.readers, r)
}
