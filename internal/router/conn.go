package router

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/slipway-run/slipway/internal/router/http1"
)

const (
	headBuffer = 4 << 10  // of a connection; it grows for larger heads
	headLimit  = 64 << 10 // of a request's head
	// lingering is how long a client may take to read an answer after which its connection ends although
	// it is still sending: closing at once would have the kernel throw the answer away.
	lingering = 500 * time.Millisecond
)

var past = time.Unix(1, 0)

// conn is the connection of a client that speaks HTTP/1.1. One goroutine does everything: it reads a
// request, has an instance answer it, and reads the next. What others do to it, that is cutting requests,
// deadlines and the client's leaving, goes through interrupt.
type conn struct {
	server    *Server
	nc        net.Conn
	socket    net.Conn // below nc, which may be TLS
	watched   uint64
	in        http1.Stream
	turns     *turns     // reads requests; nil if nc is no socket
	begun     bool       // a part of a request's head has arrived
	out       []byte     // what is to be written next
	peer      netip.Addr // at the other end, which may be a proxy
	encrypted bool       // the connection
	trusted   bool       // the other end says who asks
	client    netip.Addr // who asks
	secure    bool       // the client uses TLS
	asked     []byte     // the host that the client asked for
	list      []byte     // of addresses, as proxies made it
	request   http1.Request
	response  http1.Response
	forwarded []byte // headers that tell instances who the client is
	host      []byte // of the last request, as it was sent
	key       string // host in canonical form
	visit     visit  // the present request

	mu       sync.Mutex // guards what follows
	state    connState
	timer    *time.Timer
	due      time.Time // when the present state has lasted too long; zero for never
	armed    time.Time // when timer fires; never later than due
	left     bool      // the client closed its side
	looked   bool      // a wait was interrupted for that, to read what there is
	expired  bool      // the present request, or the wait for it, lasted too long
	hurried  bool      // the connection has deadlines that it cannot lose any more
	cause    error     // why the present attempt is interrupted
	upstream *upstream // that the present attempt uses
	cancel   context.CancelCauseFunc
}

type connState uint8

const (
	idle    connState = iota // waits for a request
	busy                     // has one
	tunnels                  // was upgraded
	closed
)

func newConn(s *Server, nc, socket net.Conn, scheme string) *conn {
	c := &conn{server: s, nc: nc, socket: socket, encrypted: scheme == "https", peer: addressOfClient(nc.RemoteAddr().String())}
	c.secure, c.client, c.trusted = c.encrypted, c.peer, s.router.trusts(c.peer)
	c.in = http1.Stream{From: nc, Buf: make([]byte, headBuffer)}
	c.turns = newTurns(c, nc)
	c.forwarded = c.appendForwarded(nil, nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = time.AfterFunc(s.header, c.tick)
	c.due = time.Now().Add(s.header)
	c.armed = c.due
	return c
}

// addressOfClient is the address in host:port, the zero address if there is none.
func addressOfClient(hostport string) netip.Addr {
	a, _ := netip.ParseAddrPort(hostport)
	return a.Addr().Unmap().WithZone("")
}

// serve answers requests until the connection ends.
func (c *conn) serve() {
	for c.next() {
	}
	c.close()
}

// next answers at least one request, and reports whether another one may follow.
func (c *conn) next() bool {
	service, n, err := c.listen()
	switch {
	case errors.Is(err, errDiverted):
		return c.divert()
	case err != nil:
		return c.refuse(err)
	}
	return c.answer(service, n)
}

// listen waits for a request, and returns the service that it is for and how long its head is.
func (c *conn) listen() (*service, int, error) {
	if c.turns != nil {
		return c.turns.next()
	}
	n, err := c.readHead()
	if err != nil {
		return nil, 0, err
	}
	service, err := c.understand(n)
	return service, n, err
}

// errDiverted says that a request is for net/http.
var errDiverted = errors.New("net/http has this request")

// understand finds the service that a request is for.
func (c *conn) understand(n int) (*service, error) {
	if err := c.request.Parse(c.in.Buffered()[:n]); err != nil {
		if !c.encrypted && string(c.in.Buffered()[:n]) == prefaceHead {
			return nil, errDiverted // HTTP/2 by prior knowledge (RFC 9113, section 3.3)
		}
		return nil, err
	}
	if !bytes.Equal(c.host, c.request.Host) {
		c.host, c.key = append(c.host[:0], c.request.Host...), canonicalHost(string(c.request.Host))
	}
	c.origin()
	service := c.server.find(c.key)
	if service == nil {
		service = &c.server.nowhere
	}
	if c.server.diverts(c.key, c.request.Target, c.secure) || service.route.Load().H2C {
		return nil, errDiverted
	}
	return service, nil
}

// readHead reads the head of a request.
func (c *conn) readHead() (int, error) {
	n, err := c.in.ReadHead(headLimit, true, c.arriving)
	if err == nil {
		c.begun = false
	}
	return n, err
}

// arriving is called before more of a head is read.
func (c *conn) arriving() error {
	if b := c.in.Buffered(); len(b) >= 2 && b[0] == '\r' && b[1] == '\n' {
		c.in.Skip(2) // some clients end a body with an empty line (RFC 9112, section 2.2)
	}
	if len(c.in.Buffered()) > 0 && !c.begun {
		c.begun = true
		c.mu.Lock()
		c.allowLocked(time.Now(), c.server.header)
		c.mu.Unlock()
	}
	return nil
}

// refuse ends a connection that did not bring a request. Who sent something is told why.
func (c *conn) refuse(err error) (again bool) {
	status, why := 0, ""
	if wrong, ok := errors.AsType[*http1.Error](err); ok {
		status, why = wrong.Status, wrong.Reason
	} else if isTimeout(err) && len(c.in.Buffered()) > 0 {
		status, why = 408, "its header did not arrive in time"
	}
	if status != 0 {
		c.out = appendPage(c.out[:0], refusal(status, why), nil, false, false, false)
		_ = c.nc.SetWriteDeadline(time.Now().Add(pageGrace))
		if c.flush() == nil {
			c.linger()
		}
	}
	return false
}

// divert gives the connection to net/http, with what was read of it.
func (c *conn) divert() (again bool) {
	c.mu.Lock()
	c.state = closed
	c.timer.Stop()
	stale := c.left || c.hurried || c.expired
	c.mu.Unlock()
	nc := c.nc
	c.nc = nil
	if stale {
		_ = nc.Close()
		return false
	}
	read := &readConn{Conn: nc, read: c.in.Buffered()}
	if secure, ok := nc.(*tls.Conn); ok {
		c.server.hand(&secureConn{read, secure})
	} else {
		c.server.hand(read)
	}
	return false
}

// prefaceHead is the part of HTTP/2's preface that looks like a request.
const prefaceHead = "PRI * HTTP/2.0\r\n\r\n"

// secureConn is a readConn of which net/http learns that it is one with TLS.
type secureConn struct {
	*readConn
	secure *tls.Conn
}

func (c *secureConn) ConnectionState() tls.ConnectionState { return c.secure.ConnectionState() }

// readConn is a connection of which something was read.
type readConn struct {
	net.Conn
	read []byte
}

func (c *readConn) Read(p []byte) (int, error) {
	if len(c.read) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.read)
	c.read = c.read[n:]
	return n, nil
}

// flush writes what is to be written.
func (c *conn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.nc.Write(c.out)
	c.out = c.out[:0]
	if err != nil {
		return &leftError{err}
	}
	return nil
}

// linger lets the client read the last answer.
func (c *conn) linger() {
	closeWrite(c.nc)
	_ = c.nc.SetReadDeadline(time.Now().Add(lingering))
	for took := 0; took < 256<<10; {
		n, err := c.nc.Read(c.in.Buf)
		if took += n; err != nil {
			return
		}
	}
}

func (c *conn) close() {
	c.mu.Lock()
	c.state = closed
	c.timer.Stop()
	c.mu.Unlock()
	c.server.forget(c)
	if c.nc != nil {
		_ = c.nc.Close()
	}
}

// allowLocked gives the present state so long. The timer is left alone if it fires before: it looks then
// when it has to fire again, so that a busy connection sets it once in a minute.
func (c *conn) allowLocked(now time.Time, d time.Duration) {
	c.due = now.Add(d)
	if c.armed.IsZero() || c.due.Before(c.armed) {
		c.armed = c.due
		c.timer.Reset(d)
	}
}

// tick is called when the timer fires.
func (c *conn) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = time.Time{}
	if c.state == closed || c.due.IsZero() {
		return
	}
	if left := time.Until(c.due); left > 0 {
		c.armed = c.due
		c.timer.Reset(left)
		return
	}
	c.due = time.Time{}
	switch c.state {
	case idle:
		c.endIdleLocked()
	case busy:
		c.expired = true
		c.interruptLocked(errRequestLimit)
		c.hurryLocked()
	}
}

// endIdleLocked wakes a connection that waits for a request.
func (c *conn) endIdleLocked() {
	c.hurried = true
	_ = c.nc.SetReadDeadline(past)
}

// hurryLocked frees a goroutine that a slow client holds: no more of the request is read, and the client
// has a moment left to take what is written.
func (c *conn) hurryLocked() {
	c.hurried = true
	_ = c.nc.SetReadDeadline(past)
	_ = c.nc.SetWriteDeadline(time.Now().Add(pageGrace))
}

// interruptLocked ends the present attempt, wherever it waits.
func (c *conn) interruptLocked(cause error) {
	if c.cause != nil {
		return
	}
	c.cause = cause
	if c.cancel != nil {
		c.cancel(cause)
	}
	if c.upstream != nil {
		_ = c.upstream.conn.SetDeadline(past)
	}
	if c.state == tunnels {
		_ = c.nc.SetDeadline(past)
	}
}

// cut implements holder.
func (c *conn) cut(_ *lease, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != busy && c.state != tunnels {
		return
	}
	c.interruptLocked(cause)
	if errors.Is(cause, errDrained) {
		c.hurryLocked()
	}
}

// hungUp is called when the client closed its side. A client that does so before it has its response is
// taken for one that left, as other servers do: nothing tells the two apart.
func (c *conn) hungUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = true
	switch {
	case c.state == busy:
		c.interruptLocked(errClientLeft)
	case c.state == idle && c.turns != nil && !c.hurried:
		_ = c.nc.SetReadDeadline(past)
	}
}

// stop ends the connection if it waits for a request.
func (c *conn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == idle {
		c.endIdleLocked()
	}
}

func (c *conn) tunnelling() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == tunnels
}

// kill ends the connection.
func (c *conn) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == closed {
		return
	}
	c.left, c.hurried = true, true // whatever comes is too late for the client
	c.interruptLocked(errClientLeft)
	_ = c.nc.SetDeadline(past)
}

func closeWrite(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// leftError tells that the client took no more of its response.
type leftError struct{ err error }

func (e *leftError) Error() string { return "write to the client: " + e.err.Error() }
func (e *leftError) Unwrap() error { return e.err }
