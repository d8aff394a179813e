package fleet

import "sync"

// mailbox holds what somebody is to look at, each thing once. To put something in never blocks.
type mailbox[T comparable] struct {
	mu    sync.Mutex
	held  map[T]bool
	order []T
	ready chan struct{} // has an element when there is something in it
}

func newMailbox[T comparable]() *mailbox[T] {
	return &mailbox[T]{held: map[T]bool{}, ready: make(chan struct{}, 1)}
}

func (b *mailbox[T]) put(thing T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held[thing] {
		return
	}
	b.held[thing] = true
	b.order = append(b.order, thing)
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// take empties it, oldest first.
func (b *mailbox[T]) take() []T {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.order
	b.order = nil
	clear(b.held)
	return all
}
