package router

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/slipway-run/slipway/internal/router/direct"
)

// line is the socket to an instance. The read of an answer can write the request first.
//
// A read usually tries at once, in vain before the answer is there, and then waits: a system call in
// five that a request costs. What comes first after a request is its answer, so that the write and the
// wait can be one step, in which the runtime notices what arrives from before the write on. It does not
// notice what was there earlier: what nobody asked for, or an end. Of an end the kernel mostly tells once
// more, when it refuses the request. It does not while the instance has ended its own side alone, as some
// do to let their last answer arrive: so a long wait is interrupted once, to look.
type line struct {
	net.Conn

	raw    syscall.RawConn    // nil if it is no socket
	step   func(uintptr) bool // exchange, made once
	asking []byte             // what the next read writes first
	into   []byte             // where it reads to
	got    int
	failed error

	mu     sync.Mutex  // guards what follows
	timer  *time.Timer // of long waits, set while armed
	armed  bool
	since  time.Time // that it waits; zero while it does not
	looked bool      // the wait was interrupted to look
	cut    bool      // somebody ended the wait for good
}

// lately is how long ago a connection was used that no instance ends for being idle.
const lately = time.Second

// longWait is how long the wait for an answer may last before it is interrupted to look, and at most twice
// that.
const longWait = 250 * time.Millisecond

func newLine(conn net.Conn) *line {
	l := &line{Conn: direct.Wrap(conn)}
	l.raw, l.step = rawOf(conn), l.exchange
	return l
}

// rawOf is the socket of a connection, nil if it is none.
func rawOf(conn net.Conn) syscall.RawConn {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// ask has the next read write a request first. It stays as it is until then.
func (l *line) ask(request []byte) { l.asking = request }

// SetDeadline implements net.Conn. A wait to which it puts an end does not begin anew.
func (l *line) SetDeadline(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	return l.Conn.SetDeadline(t)
}

// Read implements io.Reader.
func (l *line) Read(p []byte) (int, error) {
	if len(l.asking) == 0 {
		return l.Conn.Read(p)
	}
	l.into, l.got, l.failed = p, 0, nil
	l.begin(time.Now())
	err := l.raw.Read(l.step)
	looked := l.end()
	rest := l.asking
	l.asking, l.into = nil, nil
	switch {
	case err != nil && !(looked && isTimeout(err)):
		return 0, err
	case l.failed != nil:
		return 0, l.failed
	case err != nil || len(rest) > 0: // it waited for long, or the kernel has no room for all of it yet
		if len(rest) > 0 {
			if _, err := l.Write(rest); err != nil {
				return 0, err
			}
		}
		return l.Conn.Read(p)
	case l.got == 0:
		return 0, io.EOF
	}
	return l.got, nil
}

// begin notes that a wait begins. The timer is left alone while it is set, so that a busy line sets it
// some times a second.
func (l *line) begin(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.since = now
	switch {
	case l.armed:
		return
	case l.timer == nil:
		l.timer = time.AfterFunc(longWait, l.tick)
	default:
		l.timer.Reset(longWait)
	}
	l.armed = true
}

// end notes that a wait is over, and reports whether it was interrupted to look.
func (l *line) end() (looked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	looked = l.looked
	l.looked, l.since = false, time.Time{}
	if looked && !l.cut {
		_ = l.SetReadDeadline(time.Time{})
	}
	return looked
}

// tick interrupts a wait that is long.
func (l *line) tick() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed = false
	if l.since.IsZero() || l.looked {
		return
	}
	if left := longWait - time.Since(l.since); left > 0 {
		l.armed = true
		l.timer.Reset(left)
		return
	}
	l.looked = true
	_ = l.SetReadDeadline(past)
}

// exchange writes the request when it is called first, and reads when there is something.
func (l *line) exchange(fd uintptr) (done bool) {
	if len(l.asking) > 0 {
		n, err := direct.Write(fd, l.asking)
		l.asking = l.asking[n:]
		if err != 0 && err != syscall.EAGAIN {
			l.failed = os.NewSyscallError("write", err)
		}
		return l.failed != nil || len(l.asking) > 0
	}
	n, err := direct.Read(fd, l.into)
	if err == syscall.EAGAIN {
		return false
	}
	if l.got = n; err != 0 {
		l.failed = os.NewSyscallError("read", err)
	}
	return true
}
