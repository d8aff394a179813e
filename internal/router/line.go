package router

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// line is the socket to an instance. The read of an answer can write the request first.
//
// A read usually tries at once, in vain before the answer is there, and then waits: a system call in
// five that a request costs. What comes first after a request is its answer, so that the write and the
// wait can be one step, in which the runtime notices what arrives from before the write on. It does not
// notice what was there earlier: an end, which the kernel tells once more when it refuses the request, or
// what nobody asked for.
type line struct {
	net.Conn

	raw    syscall.RawConn    // nil if it is no socket
	step   func(uintptr) bool // exchange, made once
	asking []byte             // what the next read writes first
	into   []byte             // where it reads to
	got    int
	failed error
}

// lately is how long ago a connection was used that no instance ends for being idle.
const lately = time.Second

func newLine(conn net.Conn) *line {
	l := &line{Conn: conn}
	if socket, ok := conn.(syscall.Conn); ok {
		l.raw, _ = socket.SyscallConn()
		l.step = l.exchange
	}
	return l
}

// ask has the next read write a request first. It stays as it is until then.
func (l *line) ask(request []byte) { l.asking = request }

// Read implements io.Reader.
func (l *line) Read(p []byte) (int, error) {
	if len(l.asking) == 0 {
		return l.Conn.Read(p)
	}
	l.into, l.got, l.failed = p, 0, nil
	err := l.raw.Read(l.step)
	rest := l.asking
	l.asking, l.into = nil, nil
	switch {
	case err != nil:
		return 0, err
	case l.failed != nil:
		return 0, l.failed
	case len(rest) > 0: // the kernel has no room for all of it yet
		if _, err := l.Write(rest); err != nil {
			return 0, err
		}
		return l.Conn.Read(p)
	case l.got == 0:
		return 0, io.EOF
	}
	return l.got, nil
}

// exchange writes the request when it is called first, and reads when there is something.
func (l *line) exchange(fd uintptr) (done bool) {
	if len(l.asking) > 0 {
		n, err := unix.Write(int(fd), l.asking)
		l.asking = l.asking[max(n, 0):]
		if err != nil && err != unix.EAGAIN && err != unix.EINTR {
			l.failed = os.NewSyscallError("write", err)
		}
		return l.failed != nil || len(l.asking) > 0
	}
	n, err := unix.Read(int(fd), l.into)
	for err == unix.EINTR {
		n, err = unix.Read(int(fd), l.into)
	}
	if err == unix.EAGAIN {
		return false
	}
	l.got = max(n, 0)
	if err != nil {
		l.failed = os.NewSyscallError("read", err)
	}
	return true
}
