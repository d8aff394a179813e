package router

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/slipway-run/slipway/internal/router/http1"
)

// visit is one request on a connection, with all attempts to have it answered.
type visit struct {
	service *service
	route   *Route
	began   time.Time
	head    int    // bytes of the request's head
	body    []byte // the whole body, if it came with the head
	whole   bool   // there is no more of the request than head and body
	resets  int
	lease   lease
	upload  *upload // sends the rest of the body; nil until it began
	ids     ids
	timing  timing

	answer   int    // bytes of the response's head
	status   int    // of the response, 0 until it is known
	in, out  int64  // bytes of the bodies, of in those that an upload did not send
	instance string // that was asked last
	failure  string // why there is no response of the application
	answered bool   // the present instance sent a header
	upgraded bool
	keep     bool // the connection can be used for another request
}

// answer has the request answered. It reports whether another one may follow on the connection.
func (c *conn) answer(s *service, head int) (again bool) {
	c.begin(s, head)
	err := c.obtain()
	if err != nil {
		c.fail(err)
	}
	return c.finish()
}

func (c *conn) begin(s *service, head int) {
	v := &c.visit
	*v = visit{service: s, route: s.route.Load(), began: time.Now(), head: head}
	v.ids.takeFrom(c.request.Fields)
	v.ids.follow(s.tracing)
	v.timing.asked = v.began
	rest := c.in.Buffered()[head:]
	switch c.request.Framing {
	case http1.NoBody:
		v.whole = true
	case http1.FramedByLength:
		if int64(len(rest)) >= c.request.Length {
			v.whole, v.body = true, rest[:c.request.Length]
		}
	}
	v.keep = c.request.KeepAlive && !c.server.stopping.Load() && !c.server.leaving.Load()
	limit := v.route.RequestLimit
	if limit == 0 {
		limit = c.server.router.options.RequestLimit
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state, c.cause = busy, nil
	switch {
	case c.left:
		c.cause = errClientLeft
	case limit > 0:
		c.allowLocked(v.began, limit)
	default:
		c.due = time.Time{}
	}
}

// obtain gets the response from an instance, and from another one if it fails.
func (c *conn) obtain() error {
	switch v := &c.visit; {
	case v.service == &c.server.nowhere:
		return errUnknownHost
	case forbidden(c.client, v.route):
		return &forbiddenError{c.client}
	}
	for last := error(nil); ; {
		if err := c.claim(last != nil); err != nil {
			return whyNot(err, last)
		}
		err := c.attempt()
		if err == nil {
			return nil
		}
		if err = c.explain(err); c.visit.status != 0 || !c.mayRetry(err) {
			return err
		}
		last = err
		c.release(time.Now())
	}
}

// claim gets the request an instance.
func (c *conn) claim(again bool) error {
	v := &c.visit
	v.lease = lease{holder: c}
	granted, err := v.service.gate.try(&v.lease, again)
	if !granted && err == nil {
		err = c.wait(again)
	} else if again {
		v.timing.asked = time.Now()
	}
	if err == nil {
		v.instance = v.lease.instance.id
	}
	return err
}

// wait has the request wait for an instance.
func (c *conn) wait(again bool) error {
	v := &c.visit
	ctx, cancel := c.waitable()
	defer c.waited(cancel)
	began := time.Now()
	err := v.service.gate.claim(ctx, &v.lease, c.server.router.options.QueueWait-began.Sub(v.began), again)
	v.timing.waited(began, time.Now(), v.lease.woke)
	return err
}

// waitable makes a context that an interrupt ends, until waited.
func (c *conn) waitable() (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(context.Background())
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel = cancel; c.cause != nil {
		cancel(c.cause)
	}
	return ctx, cancel
}

func (c *conn) waited(cancel context.CancelCauseFunc) {
	c.mu.Lock()
	c.cancel = nil
	c.mu.Unlock()
	cancel(nil)
}

// explain finds what a failure of an attempt was really about, and tells who should know.
func (c *conn) explain(err error) error {
	c.mu.Lock()
	cause := c.cause
	c.mu.Unlock()
	if cause != nil {
		return cause
	}
	if _, left := errors.AsType[*leftError](err); left {
		return err
	}
	in := c.visit.lease.instance
	if isConnect(err) {
		c.visit.service.gate.suspect(in)
	}
	c.server.router.options.Observer.InstanceFailed(c.visit.service.id, in.id, err)
	return err
}

func (c *conn) mayRetry(err error) bool {
	v := &c.visit
	switch {
	case v.upload != nil:
		return false // a part of the body is gone
	case isConnect(err):
		return time.Since(v.began) < c.server.router.options.QueueWait
	case isReset(err) && c.request.Idempotent() && v.resets < maxResets:
		v.resets++
		return true
	}
	return false
}

// fail answers a request that has no response of the application, if it is not too late for that.
func (c *conn) fail(err error) {
	v := &c.visit
	_, left := errors.AsType[*leftError](err)
	switch {
	case left, errors.Is(err, errClientLeft), errors.Is(err, http.ErrAbortHandler):
		v.keep, v.failure = false, errClientLeft.Error()
		return
	case v.status != 0: // a response that broke off never looks whole
		v.keep, v.failure = false, err.Error()
		c.tear()
		return
	}
	p := pageFor(err, string(c.request.Host), v.route)
	v.status, v.failure = p.Status, err.Error()
	v.keep = v.keep && v.whole && !p.closes
	c.server.router.options.Log.Debug("request failed", "service", v.service.id, "status", p.Status, "error", err)
	c.out = appendPage(c.out[:0], p, v.appendOwn(nil, &http1.Response{}, c.secure), c.acceptsHTML(), c.request.IsHead(), v.keep)
	if c.flush() != nil {
		v.keep = false
	}
}

func (c *conn) acceptsHTML() bool {
	var accept []string
	for i := range c.request.Fields {
		if f := &c.request.Fields[i]; f.Kind == http1.Accept {
			accept = append(accept, string(f.Value))
		}
	}
	return prefersHTML(accept)
}

// release ends the present attempt.
func (c *conn) release(now time.Time) {
	v := &c.visit
	if v.lease.instance != nil {
		v.service.gate.release(&v.lease, c.outcome(now))
		v.lease.instance = nil
	}
	v.answered = false
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.expired:
		c.cause = errRequestLimit
	case c.left:
		c.cause = errClientLeft
	default:
		c.cause = nil
	}
}

// finish ends the request. It reports whether another one may follow.
func (c *conn) finish() bool {
	v := &c.visit
	now := time.Now()
	v.service.record(c.outcome(now))
	c.release(now)
	if u := v.upload; u != nil && !u.end(c) {
		v.keep = false
	}
	c.log(now)
	c.tell(now)
	c.mu.Lock()
	c.state = idle
	keep := v.keep && !c.hurried && !c.expired
	if c.left && c.turns != nil {
		c.turns.dry = false
	}
	c.allowLocked(now, c.server.idle)
	c.mu.Unlock()
	switch {
	case keep:
		c.in.Skip(v.head + len(v.body))
		if v.upload != nil {
			c.in.Put(v.upload.rest())
		}
	case !v.whole && !v.upgraded && c.nc != nil:
		c.linger()
	}
	if v.upload != nil {
		v.upload.free()
	}
	c.shrink()
	return keep && !c.server.stopping.Load()
}

// shrink gives back what one large request took.
func (c *conn) shrink() {
	if len(c.in.Buf) > headBuffer && len(c.in.Buffered()) == 0 {
		c.in.Buf = make([]byte, headBuffer)
	}
	if cap(c.out) > 4*copyLimit {
		c.out = nil
	}
}

func (c *conn) outcome(now time.Time) outcome {
	v := &c.visit
	status := v.status
	if status == 0 && !c.gone() {
		status = http.StatusBadGateway // an attempt that failed and is made again
	}
	return outcome{status: status, took: now.Sub(v.began), answered: v.answered, upgraded: v.upgraded}
}

// gone reports whether the client left.
func (c *conn) gone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left
}
