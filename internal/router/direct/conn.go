// Package direct reads and writes TCP connections without telling Go's scheduler.
//
// The scheduler is told of every system call, as any could block. When one takes some 20 µs, as a write to
// another process of the same machine may, it has another thread take over the goroutines that wait, and the
// one that comes back looks for something to do. Sockets that never block need none of that: this is a tenth
// to a sixth of the processor time of a request. The price is that the garbage collector, when it stops all
// goroutines, waits for the call to end; a call moves so few bytes that this is as long as any function.
package direct

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// piece is how many bytes a call moves at most.
const piece = 64 << 10

// Conn is a TCP connection that is read by one goroutine at a time, and written by one.
type Conn struct {
	*net.TCPConn
	raw             syscall.RawConn
	reading, writes transfer
}

// transfer is one Read or Write.
type transfer struct {
	step func(fd uintptr) (done bool) // made once
	p    []byte                       // what is left of it
	n    int
	err  syscall.Errno
}

// Wrap returns a connection that is read and written directly if it is one of TCP, and c itself if not.
func Wrap(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c
	}
	d := &Conn{TCPConn: tcp, raw: raw}
	d.reading.step, d.writes.step = d.reading.read, d.writes.write
	return d
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := c.reading.run(p, "read", c.raw.Read)
	if n == 0 && err == nil {
		return 0, io.EOF
	}
	return n, c.explain("read", err)
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.writes.run(p, "write", c.raw.Write)
	return n, c.explain("write", err)
}

func (t *transfer) run(p []byte, name string, call func(func(uintptr) bool) error) (int, error) {
	t.p, t.n, t.err = p, 0, 0
	err := call(t.step)
	if t.p = nil; err == nil && t.err != 0 {
		err = os.NewSyscallError(name, t.err)
	}
	return t.n, err
}

func (t *transfer) read(fd uintptr) (done bool) {
	t.n, t.err = Read(fd, t.p[:min(len(t.p), piece)])
	return t.err != syscall.EAGAIN
}

func (t *transfer) write(fd uintptr) (done bool) {
	for len(t.p) > 0 {
		n, err := Write(fd, t.p[:min(len(t.p), piece)])
		t.n, t.p, t.err = t.n+n, t.p[n:], err
		if err != 0 {
			return err != syscall.EAGAIN
		}
	}
	return true
}

// explain names what failed as net does.
func (c *Conn) explain(op string, err error) error {
	if err == nil {
		return nil
	}
	if raw, ok := errors.AsType[*net.OpError](err); ok {
		err = raw.Err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}
