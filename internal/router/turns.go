package router

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/slipway-run/slipway/internal/router/direct"
	"github.com/slipway-run/slipway/internal/router/http1"
)

// turns reads the socket of a client, and answers the plain requests among those that come while it waits.
//
// A read usually tries at once, in vain before the client has seen its answer, and then waits: a system call
// in five that a request costs. Within one wait the runtime notices all that arrives from its beginning on,
// so that who has read all there was need not try. Here a wait lasts for as many requests as are plain. Of an
// end that came together with the last bytes it does not notice; watch does.
type turns struct {
	c   *conn
	raw syscall.RawConn
	try func(uintptr) bool // turn, made once
	fd  uintptr
	dry bool // the last read took all there was

	head    int // bytes of the head of the request that came last
	service *service
	failed  error // why there is none
}

// errLater says that nothing is there to be read.
var errLater = errors.New("nothing has arrived")

// newTurns returns nil if a connection is no socket.
func newTurns(c *conn, nc net.Conn) *turns {
	raw := rawOf(nc)
	if raw == nil {
		return nil
	}
	t := &turns{c: c, raw: raw}
	t.try = t.turn
	return t
}

// next answers plain requests until there is one that is not, which it returns. io.EOF tells that no other
// one may follow.
func (t *turns) next() (*service, int, error) {
	t.c.in.From = t
	defer func() { t.c.in.From = t.c.nc }()
	for {
		t.dry = false
		err := t.raw.Read(t.try)
		if err == nil {
			return t.service, t.head, t.failed
		}
		if !isTimeout(err) || !t.c.looks() {
			return nil, 0, err
		}
	}
}

// turn is called first at once, and then whenever something arrived.
func (t *turns) turn(fd uintptr) (done bool) {
	t.fd = fd
	for {
		t.head, t.failed = t.c.readHead()
		if t.failed == errLater { //nolint:errorlint // it is nowhere wrapped, and this is done for each request
			return false
		}
		if t.failed == nil {
			t.service, t.failed = t.c.understand(t.head)
		}
		if t.failed != nil || !t.c.plain(t.head) {
			return true
		}
		if !t.c.answer(t.service, t.head) {
			t.failed = io.EOF
			return true
		}
	}
}

// Read implements io.Reader. It does not wait.
func (t *turns) Read(p []byte) (int, error) {
	if t.dry {
		t.dry = false
		return 0, errLater
	}
	n, err := direct.Read(t.fd, p)
	switch {
	case err == syscall.EAGAIN:
		return 0, errLater
	case err != 0:
		return 0, os.NewSyscallError("read", err)
	case n == 0:
		return 0, io.EOF
	}
	t.dry = n < len(p)
	return n, nil
}

// plain reports whether the present request can be answered without reading more of the connection or
// closing it.
func (c *conn) plain(head int) bool {
	r := &c.request
	if r.Minor == 0 || len(r.Upgrade) > 0 {
		return false
	}
	rest := len(c.in.Buffered()) - head
	return r.Framing == http1.NoBody || r.Framing == http1.FramedByLength && int64(rest) >= r.Length
}

// looks reports whether a wait ended only because the client closed its side. What it sent before can still
// be read.
func (c *conn) looks() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.left || c.hurried || c.looked {
		return false
	}
	c.looked = true
	return c.nc.SetReadDeadline(time.Time{}) == nil
}
