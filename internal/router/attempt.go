package router

import (
	"net/http"
	"time"

	"github.com/slipway-run/slipway/internal/router/http1"
)

// attempt has the instance of the present lease answer the request, and hands the response on.
func (c *conn) attempt() error {
	for fresh := false; ; fresh = true {
		u, err := c.connect(fresh)
		if err != nil {
			return err
		}
		used := u.used
		again, err := c.use(u)
		if clean := c.detach(); err == nil && again && clean {
			c.visit.lease.instance.pool.put(u, time.Now())
			return nil
		}
		_ = u.conn.Close()
		// The instance may close a connection for being idle in the moment it is used.
		if used && c.visit.status == 0 && c.visit.upload == nil && isReset(err) && c.request.Idempotent() && !c.interrupted() {
			continue
		}
		return err
	}
}

// use sends the request on a connection and hands the response on. It reports whether the connection can
// be used again.
func (c *conn) use(u *upstream) (again bool, err error) {
	if err := c.send(u); err != nil {
		return false, err
	}
	if err := c.receive(u); err != nil {
		return false, err
	}
	if c.response.Status == http.StatusSwitchingProtocols {
		return false, c.tunnel(u)
	}
	return c.relay(u)
}

// connect gets a connection to the instance of the present lease: one that is open already if it can.
func (c *conn) connect(fresh bool) (*upstream, error) {
	in := c.visit.lease.instance
	sure := !c.visit.whole || !c.request.Idempotent() // there is no second try
	for !fresh {
		u := in.pool.take()
		switch {
		case u == nil:
			fresh = true
		case sure && !u.quiet():
			_ = u.conn.Close()
		default:
			return u, c.attach(u)
		}
	}
	ctx, cancel := c.waitable()
	defer c.waited(cancel)
	u, err := in.connect(ctx)
	if err != nil {
		return nil, err
	}
	return u, c.attach(u)
}

// attach lets an interrupt reach a connection.
func (c *conn) attach(u *upstream) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		_ = u.conn.Close()
		return c.cause
	}
	c.upstream = u
	return nil
}

// detach takes a connection out of the reach of interrupts. It reports whether none has reached it.
func (c *conn) detach() (clean bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.upstream = nil
	return c.cause == nil
}

func (c *conn) interrupted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause != nil
}

// send writes the request, with its body if that is there. The rest of a longer one is sent while the
// response is awaited; a client that waits to be told to send it waits on.
func (c *conn) send(u *upstream) error {
	v := &c.visit
	c.out = appendRequest(c.out[:0], &c.request, c.forwarded, c.asked, &v.ids, v.whole)
	direct := len(v.body) > copyLimit
	if !direct {
		c.out = append(c.out, v.body...)
	}
	if v.whole && !direct && u.busy(v.timing.asked) {
		u.conn.ask(c.out)
		c.out = c.out[:0] // nothing is put there before the answer comes
		return nil
	}
	_, err := u.conn.Write(c.out)
	if c.out = c.out[:0]; err != nil {
		return err
	}
	if direct {
		_, err = u.conn.Write(v.body)
	}
	if !v.whole && !c.request.Continue {
		c.beginUpload(u)
	}
	return err
}

// receive reads the header of the response. What is not final is handed on at once.
func (c *conn) receive(u *upstream) error {
	for {
		n, err := c.readResponse(u)
		if err != nil {
			return err
		}
		r := &c.response
		if err := r.Parse(u.in.Buffered()[:n], c.request.IsHead()); err != nil {
			return err
		}
		switch {
		case r.Status == http.StatusSwitchingProtocols:
			if len(c.request.Upgrade) == 0 || !http1.EqualFold(r.Upgrade, lower(c.request.Upgrade)) || !c.visit.whole {
				return errUnasked
			}
			c.visit.answer = n
			return nil
		case r.Status >= http.StatusOK:
			c.visit.answer = n
			return nil
		case r.Status == http.StatusContinue:
			err = c.proceed(u)
		case c.request.Minor == 1:
			c.out = appendInformation(c.out[:0], r)
			err = c.flush()
		}
		u.in.Skip(n)
		if err != nil {
			return err
		}
	}
}

// errUnasked is a response that does not answer its request.
var errUnasked = &http1.Error{Status: http.StatusBadGateway, Reason: "it switches to a protocol that was not asked for"}

// readResponse reads until a header is whole. An instance that is asked whether a body is welcome and
// does not answer gets the body.
func (c *conn) readResponse(u *upstream) (int, error) {
	if !c.withheld() {
		return u.in.ReadHead(maxHeaderBytes, false, nil)
	}
	if err := c.patience(u, time.Now().Add(expectContinue)); err != nil {
		return 0, err
	}
	n, err := u.in.ReadHead(maxHeaderBytes, false, nil)
	if c.patience(u, time.Time{}) == nil && err != nil && isTimeout(err) {
		if err = c.proceed(u); err == nil {
			n, err = u.in.ReadHead(maxHeaderBytes, false, nil)
		}
	}
	return n, err
}

// withheld reports whether the client waits to be told to send its body.
func (c *conn) withheld() bool { return !c.visit.whole && c.visit.upload == nil }

// patience sets the deadline of a connection that is not interrupted.
func (c *conn) patience(u *upstream, until time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return c.cause
	}
	return u.conn.SetReadDeadline(until)
}

// proceed tells a client that waits to send its body.
func (c *conn) proceed(u *upstream) error {
	if !c.withheld() {
		return nil
	}
	c.out = append(c.out[:0], "HTTP/1.1 100 Continue\r\n\r\n"...)
	if err := c.flush(); err != nil {
		return err
	}
	c.beginUpload(u)
	return nil
}

func lower(b []byte) string {
	s := make([]byte, len(b))
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		s[i] = c
	}
	return string(s)
}
