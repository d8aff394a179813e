package router

import (
	"context"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipway-run/slipway/internal/router/http1"
)

// upstreamBuffer holds most responses whole.
const upstreamBuffer = 16 << 10

// upstream is a connection to an instance. One request at a time uses it.
type upstream struct {
	conn   *line
	look   func(uintptr) // poll, made once
	asked  [1]unix.PollFd
	silent bool
	in     http1.Stream
	body   http1.Body
	used   bool      // it carried a request before
	since  time.Time // that it is idle
}

func newUpstream(conn net.Conn) *upstream {
	u := &upstream{conn: newLine(conn)}
	u.in = http1.Stream{From: u.conn, Buf: make([]byte, upstreamBuffer)}
	u.look = u.poll
	return u
}

// quiet reports whether the instance has neither closed an idle connection nor sent into it.
func (u *upstream) quiet() bool {
	return u.conn.raw == nil || (u.conn.raw.Control(u.look) == nil && u.silent)
}

// busy reports whether a connection was used a moment ago and will hardly be ended now.
func (u *upstream) busy(now time.Time) bool {
	return u.conn.raw != nil && u.used && now.Sub(u.since) < lately
}

// poll asks the kernel whether there is anything to read, an end included.
func (u *upstream) poll(fd uintptr) {
	u.asked[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN | unix.POLLRDHUP}
	n, err := unix.Poll(u.asked[:], 0)
	u.silent = n == 0 && err == nil
}

// pool has the idle connections to an instance. The one that was used last is taken first, so that
// those beyond what is needed get old and are closed.
type pool struct {
	mu     sync.Mutex
	idle   []*upstream // oldest first
	reaper *time.Timer // nil until it is needed, and then only set while there are idle ones
	closed bool
}

func (p *pool) take() *upstream {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	u := p.idle[last]
	p.idle[last] = nil
	p.idle = p.idle[:last]
	return u
}

func (p *pool) put(u *upstream, now time.Time) {
	u.used, u.since = true, now
	if len(u.in.Buf) > upstreamBuffer { // grew for one head
		u.in.Buf = make([]byte, upstreamBuffer)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		_ = u.conn.Close()
		return
	case p.reaper == nil:
		p.reaper = time.AfterFunc(idleConnection, p.reap)
	}
	p.idle = append(p.idle, u)
}

// reap closes what is idle for too long.
func (p *pool) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	old, now := 0, time.Now()
	for old < len(p.idle) && now.Sub(p.idle[old].since) >= idleConnection {
		_ = p.idle[old].conn.Close()
		old++
	}
	n := copy(p.idle, p.idle[old:])
	clear(p.idle[n:])
	p.idle = p.idle[:n]
	if p.reaper = nil; n > 0 {
		p.reaper = time.AfterFunc(idleConnection-now.Sub(p.idle[0].since), p.reap)
	}
}

// close closes the idle connections, and the others when they are put back.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.reaper != nil {
		p.reaper.Stop()
	}
	for _, u := range p.idle {
		_ = u.conn.Close()
	}
	p.idle = nil
}

// dial connects to an instance anew.
func (in *instance) connect(ctx context.Context) (*upstream, error) {
	conn, err := in.dial(ctx, "tcp", in.address.String())
	if err != nil {
		return nil, &connectError{err}
	}
	return newUpstream(conn), nil
}
