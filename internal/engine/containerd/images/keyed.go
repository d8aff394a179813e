package images

import (
	"context"
	"sync"
)

// keyed is a set of locks by name. The zero value is ready.
type keyed struct {
	mu   sync.Mutex
	held map[string]*turn
}

// turn is the lock of one name; it exists as long as somebody holds it or waits for it.
type turn struct {
	free  chan struct{} // holds a token when nobody has the lock
	users int
}

// lock waits for the lock of a name, or for ctx.
func (k *keyed) lock(ctx context.Context, name string) (unlock func(), err error) {
	t := k.join(name)
	select {
	case <-t.free:
		return func() { t.free <- struct{}{}; k.leave(name, t) }, nil
	case <-ctx.Done():
		k.leave(name, t)
		return nil, ctx.Err()
	}
}

// tryLock takes the lock if nobody has it.
func (k *keyed) tryLock(name string) (unlock func(), ok bool) {
	t := k.join(name)
	select {
	case <-t.free:
		return func() { t.free <- struct{}{}; k.leave(name, t) }, true
	default:
		k.leave(name, t)
		return nil, false
	}
}

func (k *keyed) join(name string) *turn {
	k.mu.Lock()
	defer k.mu.Unlock()
	t, ok := k.held[name]
	if !ok {
		if k.held == nil {
			k.held = make(map[string]*turn)
		}
		t = &turn{free: make(chan struct{}, 1)}
		t.free <- struct{}{}
		k.held[name] = t
	}
	t.users++
	return t
}

func (k *keyed) leave(name string, t *turn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if t.users--; t.users == 0 {
		delete(k.held, name)
	}
}
