package role

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Listener takes connections that come from inside of instances. It knows of each which one it is of.
type Listener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
	open  atomic.Int64 // connections that were taken and are not closed
}

var _ net.Listener = (*Listener)(nil)

// NewListener makes a listener that nothing is connected to yet.
func NewListener() *Listener {
	return &Listener{conns: make(chan net.Conn), done: make(chan struct{})}
}

// Take passes on a connection of an instance. It waits until the connection is accepted, or closes it when
// ctx ends first.
func (l *Listener) Take(ctx context.Context, id string, c net.Conn) {
	ours := &conn{Conn: c, from: instance(id), of: l}
	l.open.Add(1)
	select {
	case l.conns <- ours:
		return
	case <-ctx.Done():
	case <-l.done:
	}
	_ = ours.Close()
}

// Await returns when all connections are closed that were taken, or ctx ends.
func (l *Listener) Await(ctx context.Context) {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for l.open.Load() > 0 {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return instance("") }

// instance is the address of an instance as the other end of a connection. The audit log has it.
type instance string

func (i instance) Network() string { return "instance" }
func (i instance) String() string  { return "instance/" + string(i) }

// conn is a connection from inside of an instance.
type conn struct {
	net.Conn
	from instance
	of   *Listener
	once sync.Once
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.once.Do(func() { c.of.open.Add(-1) })
	return c.Conn.Close()
}

func (c *conn) RemoteAddr() net.Addr { return c.from }

type fromKey struct{}

// ConnContext is for an http.Server: it tells requests which instance they are from.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if c, ok := c.(*conn); ok {
		return context.WithValue(ctx, fromKey{}, string(c.from))
	}
	return ctx
}

func instanceOf(ctx context.Context) string {
	id, _ := ctx.Value(fromKey{}).(string)
	return id
}
