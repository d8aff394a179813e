package router

import (
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// watch notices clients that leave while their connection is read by nobody: a request waits for an
// instance or its response, and its goroutine with it. Reading ahead, as net/http does, would take a
// second goroutine and two wake-ups per request. Instead the kernel tells: each connection is once put
// into an epoll instance that reports nothing but hang-ups, which costs a request nothing.
type watch struct {
	epoll *os.File // polled by the runtime: waiting takes no thread
	wait  syscall.RawConn

	mu    sync.Mutex
	next  uint64
	conns map[uint64]*conn // by what the kernel tells with an event
}

func newWatch() (*watch, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // says to os that the runtime can poll it
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	w := &watch{epoll: os.NewFile(uintptr(fd), "epoll"), conns: map[uint64]*conn{}}
	w.wait, err = w.epoll.SyscallConn()
	return w, err
}

// add has c.hungUp called when its client leaves. Connections that are no sockets are left alone.
func (w *watch) add(c *conn, socket net.Conn) {
	raw := rawOf(socket)
	if raw == nil {
		return
	}
	w.mu.Lock()
	w.next++
	c.watched = w.next
	w.conns[c.watched] = c
	w.mu.Unlock()
	event := unix.EpollEvent{
		Events: unix.EPOLLRDHUP | unix.EPOLLET, // and, always, errors and hang-ups
		Fd:     int32(uint32(c.watched)), Pad: int32(uint32(c.watched >> 32)),
	}
	var err error
	_ = w.wait.Control(func(epoll uintptr) {
		_ = raw.Control(func(fd uintptr) { err = unix.EpollCtl(int(epoll), unix.EPOLL_CTL_ADD, int(fd), &event) })
	})
	if err != nil {
		w.remove(c)
	}
}

// remove forgets c. The kernel forgets it when it is closed.
func (w *watch) remove(c *conn) {
	w.mu.Lock()
	delete(w.conns, c.watched)
	w.mu.Unlock()
}

// run reports hang-ups until close.
func (w *watch) run() {
	events := make([]unix.EpollEvent, 128)
	for {
		n := 0
		err := w.wait.Read(func(epoll uintptr) bool {
			var err error
			n, err = unix.EpollWait(int(epoll), events, 0)
			return n > 0 || (err != nil && err != unix.EINTR)
		})
		if err != nil {
			return
		}
		for _, e := range events[:max(n, 0)] {
			w.mu.Lock()
			c := w.conns[uint64(uint32(e.Fd))|uint64(uint32(e.Pad))<<32]
			w.mu.Unlock()
			if c != nil {
				c.hungUp()
			}
		}
	}
}

func (w *watch) close() { _ = w.epoll.Close() }
