// Package keyed has a mutex for each of many keys.
package keyed

import "sync"

// Mutex is a mutex for each key. A key takes no memory while nobody holds its mutex. The zero value is
// ready.
type Mutex struct {
	mu   sync.Mutex
	held map[string]*entry
}

type entry struct {
	mu    sync.Mutex
	users int // that hold it or wait for it
}

// Lock locks the mutex of a key.
func (k *Mutex) Lock(key string) (unlock func()) {
	k.mu.Lock()
	if k.held == nil {
		k.held = map[string]*entry{}
	}
	l := k.held[key]
	if l == nil {
		l = &entry{}
		k.held[key] = l
	}
	l.users++
	k.mu.Unlock()
	l.mu.Lock()
	return func() {
		l.mu.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(k.held, key)
		}
	}
}
