package sqlite

import "sync"

// broadcast tells everybody who waits that something happened. Its zero value is ready.
type broadcast struct {
	mu   sync.Mutex
	next chan struct{} // nil while nobody waits
}

func (b *broadcast) tell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil {
		close(b.next)
		b.next = nil
	}
}

func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.next
}

// Changed returns a channel that is closed when the next transaction is committed. Ask for it before
// reading what may change.
func (s *Store) Changed() <-chan struct{} { return s.changes.wait() }
