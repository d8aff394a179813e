package router

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"sync"
	"time"
)

const (
	// maxResets bounds how often a request is sent again after an instance broke it off, so that
	// a request which kills its instance does not kill them all.
	maxResets = 2
	// pageGrace is how long a client may take to read the page that ends its request.
	pageGrace = time.Second
)

// exchange is one request with all attempts to have it answered.
type exchange struct {
	router *Router
	svc    *service
	route  *Route
	w      http.ResponseWriter
	in     *http.Request
	began  time.Time
	replay []byte // the whole body, once it was read ahead
	resets int
	woke   time.Duration // of its time, waiting for an instance to wake or to start

	status   int  // of the response, 0 until it is known
	failed   bool // answered by a page
	upgraded bool
	answered bool // the present instance sent a header

	limit *time.Timer

	mu      sync.Mutex // guards what a cut, which comes from elsewhere, needs
	lease   *lease     // of the present attempt
	cancel  context.CancelCauseFunc
	expired bool // the whole request took too long
	cutting bool // the present attempt was cut
	hurried bool
	done    bool
}

// serve answers one request of the service.
func serve(r *Router, s *service, w http.ResponseWriter, in *http.Request) {
	x := &exchange{router: r, svc: s, route: s.route.Load(), w: w, in: in, began: time.Now()}
	if limit := x.requestLimit(); limit > 0 {
		x.limit = time.AfterFunc(limit, x.expire)
	}
	defer x.finish()
	proxy := httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      x,
		ModifyResponse: x.respond,
		ErrorHandler:   x.fail,
		BufferPool:     &buffers,
		ErrorLog:       slog.NewLogLogger(r.options.Log.Handler(), slog.LevelDebug),
	}
	proxy.ServeHTTP(w, in)
}

func (x *exchange) requestLimit() time.Duration {
	if x.route.RequestLimit != 0 {
		return x.route.RequestLimit
	}
	return x.router.options.RequestLimit
}

// rewrite makes the request that an instance sees. The reverse proxy has taken out hop-by-hop
// headers and whatever X-Forwarded headers the client sent.
func rewrite(p *httputil.ProxyRequest) {
	p.Out.URL.Scheme = "http"
	p.Out.URL.RawQuery = p.In.URL.RawQuery // as it came, also what Go would not parse
	p.Out.Host = p.In.Host
	p.SetXForwarded()
}

// RoundTrip claims an instance and has the request answered by it, by another one if it fails.
func (x *exchange) RoundTrip(out *http.Request) (*http.Response, error) {
	if out.Body != nil { // the response may begin before the request has ended
		_ = http.NewResponseController(x.w).EnableFullDuplex()
	}
	for last := error(nil); ; {
		ctx, err := x.claim(out.Context(), last != nil)
		if err != nil {
			return nil, whyNot(err, last)
		}
		body := x.bodyFor(out)
		res, err := x.attempt(ctx, out, body)
		if err == nil {
			x.answered = true
			return res, nil
		}
		if err = x.explain(ctx, err, body); !x.mayRetry(err, body) {
			return nil, err
		}
		last = err
		x.release()
	}
}

// whyNot prefers the failure of the last attempt to the news that there was no other instance.
func whyNot(err, last error) error {
	if last != nil && errors.Is(err, errNoInstance) {
		return last
	}
	return err
}

// claim begins an attempt: it gets the request an instance and a context that a cut ends.
func (x *exchange) claim(parent context.Context, again bool) (context.Context, error) {
	ctx, cancel := context.WithCancelCause(parent)
	l := &lease{holder: x}
	x.mu.Lock()
	x.lease, x.cancel = l, cancel
	if x.expired {
		cancel(errRequestLimit)
	}
	x.mu.Unlock()

	if isIdempotent(x.in) { // with its body at hand it can be sent twice
		if err := x.readAhead(); err != nil {
			return nil, x.explain(ctx, err, nil)
		}
	}
	granted, err := x.svc.gate.try(l, again)
	if granted || err != nil {
		return ctx, err
	}
	if err := x.readAhead(); err != nil {
		return nil, x.explain(ctx, err, nil)
	}
	wait := x.router.options.QueueWait - time.Since(x.began)
	err = x.svc.gate.claim(ctx, l, wait, again)
	x.woke += l.woke
	return ctx, err
}

// attempt sends the request to the instance of the present lease.
func (x *exchange) attempt(ctx context.Context, out *http.Request, body *attemptBody) (*http.Response, error) {
	in := x.lease.instance
	req := out.WithContext(ctx)
	url := *out.URL
	url.Host = in.address.String()
	req.URL = &url
	if body != nil {
		req.Body = body
	}
	return in.transport.RoundTrip(req)
}

// explain finds what a failure of an attempt was really about, and tells who should know.
func (x *exchange) explain(ctx context.Context, err error, body *attemptBody) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if body != nil {
		if client := body.failed.Load(); client != nil {
			return client
		}
	}
	if _, ok := errors.AsType[*clientError](err); ok {
		return err
	}
	x.report(err)
	return err
}

func (x *exchange) report(err error) {
	in := x.lease.instance
	if isConnect(err) {
		x.svc.gate.suspect(in)
	}
	x.router.options.Observer.InstanceFailed(x.svc.id, in.id, err)
}

func (x *exchange) mayRetry(err error, body *attemptBody) bool {
	switch {
	case isConnect(err):
		return body.reusable() && time.Since(x.began) < x.router.options.QueueWait
	case isReset(err) && isIdempotent(x.in) && x.resets < maxResets:
		x.resets++
		return body.reusable()
	}
	return false
}

// respond is called with the response's header before the client gets it.
func (x *exchange) respond(res *http.Response) error {
	x.status = res.StatusCode
	if _, ok := res.Header["Content-Type"]; !ok {
		x.w.Header()["Content-Type"] = nil // keeps net/http from guessing one
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		res.Body = &watchedBody{res.Body, x}
		return nil
	}
	x.upgraded = true
	if x.limit != nil {
		x.limit.Stop()
	}
	conn := res.Body // the context does not end an upgraded connection: a cut has to
	context.AfterFunc(res.Request.Context(), func() { conn.Close() })
	return nil
}

// watchedBody notices that an instance breaks off its response.
type watchedBody struct {
	io.ReadCloser
	x *exchange
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF && b.x.in.Context().Err() == nil && !b.x.wasCut() {
		b.x.report(err)
	}
	return n, err
}

// fail answers a request that has no response.
func (x *exchange) fail(w http.ResponseWriter, in *http.Request, err error) {
	if x.in.Context().Err() != nil && !x.wasCut() {
		panic(http.ErrAbortHandler) // the client left
	}
	p := pageFor(err, x.in.Host, x.route)
	x.status, x.failed = p.Status, true
	x.router.options.Log.Debug("request failed", "service", x.svc.id, "status", p.Status, "error", err)
	writePage(w, x.in, p)
}

// release ends the present attempt.
func (x *exchange) release() {
	x.mu.Lock()
	l, cancel := x.lease, x.cancel
	x.lease, x.cancel, x.cutting = nil, nil, x.expired
	x.mu.Unlock()
	if cancel != nil {
		cancel(nil)
	}
	if l != nil && l.instance != nil {
		x.svc.gate.release(l, x.outcome())
	}
	x.answered = false
}

// finish ends the request, also when its handler panics because the response broke off.
func (x *exchange) finish() {
	if x.limit != nil {
		x.limit.Stop()
	}
	o := x.outcome()
	x.release()
	x.mu.Lock()
	x.done = true
	if x.hurried && !x.failed && !x.upgraded {
		x.calmLocked()
	}
	x.mu.Unlock()
	x.svc.record(o)
}

func (x *exchange) outcome() outcome {
	status := x.status
	if status == 0 && x.in.Context().Err() == nil {
		status = http.StatusBadGateway // an attempt that failed and is made again
	}
	return outcome{status: status, took: time.Since(x.began), answered: x.answered, upgraded: x.upgraded}
}
