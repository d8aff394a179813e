// Package throttle limits how often each access key may call: a bucket of tokens for each, which
// fills at a rate and holds a burst.
package throttle

import (
	"sync"
	"time"
)

// Limiter has a bucket for every key. Give it verified keys only: it remembers all that it is asked
// about for as long as their buckets fill.
type Limiter struct {
	rate  float64 // tokens per second
	burst float64
	now   func() time.Time

	mu      sync.Mutex
	buckets map[string]bucket
}

// New makes a limiter. Every key may make burst calls at once and rate calls per second after that.
func New(rate float64, burst int, now func() time.Time) *Limiter {
	return &Limiter{rate: rate, burst: float64(burst), now: now, buckets: map[string]bucket{}}
}

// Allow takes a token of a key and reports whether there was one.
func (l *Limiter) Allow(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b, ok := l.buckets[key]
	if !ok {
		l.forget(now)
		b = bucket{tokens: l.burst, at: now}
	}
	b = b.filled(now, l.rate, l.burst)
	allowed := b.tokens >= 1
	if allowed {
		b.tokens--
	}
	l.buckets[key] = b
	return allowed
}

// forgetAbove is how many buckets there may be before full ones are dropped: a full bucket and none
// are the same.
const forgetAbove = 1000

func (l *Limiter) forget(now time.Time) {
	if len(l.buckets) < forgetAbove {
		return
	}
	for key, b := range l.buckets {
		if b.filled(now, l.rate, l.burst).tokens == l.burst {
			delete(l.buckets, key)
		}
	}
}

// bucket is how many tokens there were at a time.
type bucket struct {
	tokens float64
	at     time.Time
}

// filled is the bucket at a later time. A clock that went back adds nothing.
func (b bucket) filled(now time.Time, rate, burst float64) bucket {
	passed := max(0, now.Sub(b.at).Seconds())
	return bucket{tokens: min(burst, b.tokens+passed*rate), at: now}
}
