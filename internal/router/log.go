package router

import (
	"net/http"
	"strconv"
	"time"

	"github.com/slipway-run/slipway/internal/router/accesslog"
	"github.com/slipway-run/slipway/internal/router/http1"
)

// log writes the line of the request that has just ended.
func (c *conn) log(now time.Time) {
	v := &c.visit
	status := loggedStatus(v.status)
	share := v.service.log.Share(now, status)
	if share == 0 {
		return
	}
	e := accesslog.Entry{
		End: now, Scheme: scheme(c.secure), Protocol: c.protocol(), Client: c.client,
		Method: c.request.Method, Host: c.request.Host, Target: c.request.Target, Agent: c.agent(),
		RequestID: v.ids.request, TraceID: v.ids.trace(),
		Status: status, In: v.in + int64(len(v.body)), Out: v.out,
		Took: now.Sub(v.began), Queued: v.timing.queued, Woke: v.timing.woke, App: v.timing.app,
		Instance: v.instance, Failure: v.failure,
	}
	if v.upload != nil {
		e.In += v.upload.n
	}
	v.service.log.Write(&e, share)
}

func (c *conn) protocol() string {
	if c.request.Minor == 0 {
		return "HTTP/1.0"
	}
	return "HTTP/1.1"
}

func (c *conn) agent() []byte {
	for i := range c.request.Fields {
		if f := &c.request.Fields[i]; f.Kind == http1.UserAgent {
			return f.Value
		}
	}
	return nil
}

// loggedStatus gives requests without a status the one that other servers write for them.
func loggedStatus(status int) int {
	if status == 0 {
		return accesslog.ClientLeft
	}
	return status
}

func scheme(secure bool) string {
	if secure {
		return "https"
	}
	return "http"
}

// log writes the line of a request that net/http served.
func (x *exchange) log(now time.Time) {
	status := loggedStatus(x.status)
	share := x.svc.log.Share(now, status)
	if share == 0 {
		return
	}
	x.svc.log.Write(&accesslog.Entry{
		End: now, Scheme: scheme(x.secure), Protocol: protocolOf(x.in), Client: x.client,
		Method: []byte(x.in.Method), Host: []byte(x.in.Host), Target: []byte(x.in.RequestURI), Agent: []byte(x.in.UserAgent()),
		RequestID: x.ids.request, TraceID: x.ids.trace(),
		Status: status, In: x.received.Load(), Out: x.sent,
		Took: now.Sub(x.began), Queued: x.timing.queued, Woke: x.timing.woke, App: x.timing.app,
		Instance: x.instance, Failure: x.failure,
	}, share)
}

func protocolOf(r *http.Request) string {
	if r.ProtoMajor == 2 {
		return "HTTP/2"
	}
	return "HTTP/1." + strconv.Itoa(r.ProtoMinor)
}
