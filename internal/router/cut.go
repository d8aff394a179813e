package router

import (
	"errors"
	"net/http"
	"sync"
	"time"
)

// cut ends the attempt that holds l, from another goroutine.
func (x *exchange) cut(l *lease, cause error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.done || x.lease != l {
		return
	}
	x.cutting = true
	x.cancel(cause)
	if errors.Is(cause, errDrained) {
		x.hurryLocked()
	}
}

// expire ends the request because it took too long.
func (x *exchange) expire() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.done || x.expired {
		return
	}
	x.expired, x.cutting = true, true
	if x.cancel != nil {
		x.cancel(errRequestLimit)
	}
	x.hurryLocked()
}

// hurryLocked frees a handler that a slow client holds: no more of the request is read, and the
// client has a moment left to take what is written.
func (x *exchange) hurryLocked() {
	c := http.NewResponseController(x.w)
	now := time.Now()
	_ = c.SetReadDeadline(now) // a connection that cannot have deadlines goes on without
	_ = c.SetWriteDeadline(now.Add(pageGrace))
	x.hurried = true
}

// calmLocked takes back hurryLocked for a response that was whole before it took effect: its
// connection may serve other requests.
func (x *exchange) calmLocked() {
	c := http.NewResponseController(x.w)
	_ = c.SetReadDeadline(time.Time{})
	_ = c.SetWriteDeadline(time.Time{})
}

// wasCut reports whether the end of the present attempt is the router's own doing.
func (x *exchange) wasCut() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.cutting
}

// buffers are for copying responses.
var buffers bufferPool

type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) Get() []byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 32<<10)
}

func (p *bufferPool) Put(b []byte) { p.pool.Put(&b) }
