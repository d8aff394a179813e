package router

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-run/slipway/internal/router/http1"
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
	proxy   httputil.ReverseProxy
	router  *Router
	svc     *service
	route   *Route
	w       http.ResponseWriter
	in      *http.Request
	began   time.Time
	client  netip.Addr // who asks
	secure  bool       // the client uses TLS
	trusted bool       // a proxy says who asks
	ids     ids
	timing  timing
	replay  []byte // the whole body, once it was read ahead
	resets  int

	received atomic.Int64 // bytes of the request's body that instances were sent
	sent     int64        // of the response's
	instance string       // that was asked last
	failure  string       // why it is not the application's answer

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
	x.origin()
	x.timing.asked = x.began
	x.ids.takeFromHeader(in.Header)
	x.ids.follow(s.tracing)
	if limit := x.requestLimit(); limit > 0 {
		x.limit = time.AfterFunc(limit, x.expire)
	}
	defer x.finish()
	if err := x.refused(); err != nil {
		x.fail(w, in, err)
		return
	}
	x.proxy = httputil.ReverseProxy{
		Rewrite:        x.rewrite,
		Transport:      x,
		ModifyResponse: x.respond,
		ErrorHandler:   x.fail,
		FlushInterval:  -1, // nothing is kept while the instance is silent
		BufferPool:     &buffers,
		ErrorLog:       slog.NewLogLogger(r.options.Log.Handler(), slog.LevelDebug),
	}
	x.proxy.ServeHTTP(w, in)
}

func (x *exchange) requestLimit() time.Duration {
	if x.route.RequestLimit != 0 {
		return x.route.RequestLimit
	}
	return x.router.options.RequestLimit
}

// refused tells why a request gets no further.
func (x *exchange) refused() error {
	switch {
	case forbidden(x.client, x.route):
		return &forbiddenError{x.client}
	case x.route.H2C && upgradeOf(x.in) != "":
		return errNoUpgrade
	}
	return nil
}

// upgradeOf is the protocol that a client wants, "" for none. To HTTP/2 there is no upgrade: it would lead
// around whoever counts requests, and a server may ignore it.
func upgradeOf(r *http.Request) string {
	wanted := r.Header.Get("Upgrade")
	if !http1.Lists([]byte(r.Header.Get("Connection")), "upgrade") || http1.Lists([]byte(wanted), "h2c") {
		return ""
	}
	return wanted
}

// rewrite makes the request that an instance sees. The reverse proxy has taken out hop-by-hop
// headers and whatever X-Forwarded headers the client sent.
func (x *exchange) rewrite(p *httputil.ProxyRequest) {
	if upgradeOf(p.In) == "" {
		p.Out.Header.Del("Upgrade")
		p.Out.Header.Del("Connection")
	}
	p.Out.Header.Set(headerRequestID, string(x.ids.request))
	p.Out.Header.Set(headerTraceParent, string(x.ids.parent))
	if x.ids.begun {
		p.Out.Header.Del(headerTraceState)
	}
	p.Out.URL.Scheme = "http"
	p.Out.URL.RawQuery = p.In.URL.RawQuery // as it came, also what Go would not parse
	p.Out.Host = p.In.Host
	x.forward(p.Out.Header, p.SetXForwarded)
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
		x.instance = x.lease.instance.id
		body := x.bodyFor(out)
		res, err := x.attempt(ctx, out, body)
		if err == nil {
			x.answered = true
			x.timing.app = time.Since(x.timing.asked)
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
		if again {
			x.timing.asked = time.Now()
		}
		return ctx, err
	}
	if err := x.readAhead(); err != nil {
		return nil, x.explain(ctx, err, nil)
	}
	now := time.Now()
	err = x.svc.gate.claim(ctx, l, x.router.options.QueueWait-now.Sub(x.began), again)
	x.timing.waited(now, time.Now(), l.woke)
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
	return in.transportFor(x.route).RoundTrip(req)
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
	x.own(res.Header)
	if len(res.Trailer) > 0 && x.in.ProtoMajor == 1 {
		res.Header.Del("Content-Length") // HTTP/1.1 has trailers only after chunks
	}
	if res.Header.Get("Grpc-Status") != "" {
		// gRPC's Trailers-Only: the header ends the stream. Flushed before, it would be followed by an empty
		// body that does, and a client would miss the trailers.
		res.ContentLength, x.proxy.FlushInterval = 0, 0
	}
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

// own adds the headers that are ours. What the application says itself stands.
func (x *exchange) own(h http.Header) {
	if h.Get(headerRequestID) == "" {
		h.Set(headerRequestID, string(x.ids.request))
	}
	h.Add(headerTiming, string(x.timing.appendTiming(nil)))
	if x.secure && x.route.HSTS > 0 && h.Get(headerHSTS) == "" {
		h.Set(headerHSTS, string(appendHSTS(nil, x.route.HSTS)))
	}
}

// watchedBody notices that an instance breaks off its response.
type watchedBody struct {
	io.ReadCloser
	x *exchange
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.x.sent += int64(n)
	if err != nil && err != io.EOF && b.x.in.Context().Err() == nil && !b.x.wasCut() {
		b.x.failure = err.Error()
		b.x.report(err)
	}
	return n, err
}

// fail answers a request that has no response.
func (x *exchange) fail(w http.ResponseWriter, in *http.Request, err error) {
	if x.in.Context().Err() != nil && !x.wasCut() {
		panic(http.ErrAbortHandler) // the client left
	}
	if overdue(x.in, x.began) {
		err = errOverdue
	}
	p := pageFor(err, x.in.Host, x.route)
	x.status, x.failed, x.failure = p.Status, true, err.Error()
	x.own(w.Header())
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
	o, now := x.outcome(), time.Now()
	x.release()
	x.mu.Lock()
	x.done = true
	if x.hurried && !x.failed && !x.upgraded {
		x.calmLocked()
	}
	x.mu.Unlock()
	x.svc.record(o)
	x.log(now)
	x.tell(now)
}

func (x *exchange) outcome() outcome {
	status := x.status
	if status == 0 && x.in.Context().Err() == nil {
		status = http.StatusBadGateway // an attempt that failed and is made again
	}
	return outcome{status: status, took: time.Since(x.began), answered: x.answered, upgraded: x.upgraded}
}
