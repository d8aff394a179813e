package role

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
)

// Listener takes connections that come from inside of instances. It knows of each which one it is of.
type Listener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

var _ net.Listener = (*Listener)(nil)

// NewListener makes a listener that nothing is connected to yet.
func NewListener() *Listener {
	return &Listener{conns: make(chan net.Conn), done: make(chan struct{})}
}

// Connect connects an instance, and returns its end. It waits until the connection is accepted.
func (l *Listener) Connect(ctx context.Context, id string) (net.Conn, error) {
	theirs, ours, err := pair()
	if err != nil {
		return nil, fmt.Errorf("connect instance %q: %w", id, err)
	}
	select {
	case l.conns <- conn{ours, instance(id)}:
		return theirs, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-l.done:
		err = net.ErrClosed
	}
	_, _ = theirs.Close(), ours.Close()
	return nil, err
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
}

func (c conn) RemoteAddr() net.Addr { return c.from }

type fromKey struct{}

// ConnContext is for an http.Server: it tells requests which instance they are from.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if c, ok := c.(conn); ok {
		return context.WithValue(ctx, fromKey{}, string(c.from))
	}
	return ctx
}

func instanceOf(ctx context.Context) string {
	id, _ := ctx.Value(fromKey{}).(string)
	return id
}

// pair makes two connected sockets: unlike net.Pipe, each side can end what it says alone.
func pair() (a, b net.Conn, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	if a, err = open(fds[0]); err != nil {
		return nil, nil, errors.Join(err, syscall.Close(fds[1]))
	}
	if b, err = open(fds[1]); err != nil {
		return nil, nil, errors.Join(err, a.Close())
	}
	return a, b, nil
}

func open(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "instance")
	defer f.Close() // the connection has a copy
	return net.FileConn(f)
}
