package router

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"time"
)

// Tracing has requests told of as spans. A request whose client has a sampled trace is always one, and what
// the instance does is below it; of those that bring no trace a share is.
type Tracing struct {
	Share float64     // from 0 to 1
	Span  func(*Span) // called when a request has ended; it must be quick
}

// Span is a request that has ended.
type Span struct {
	Trace        [16]byte
	ID, Parent   [8]byte // Parent is zero when the trace begins here
	ServiceID    string
	Service      string // name
	Instance     string // that was asked last, "" for none
	RequestID    string
	Method, Host string
	Path         string // without the query, which may have secrets in it
	Scheme       string
	Protocol     string
	Status       int // 499 when the client left
	Begin, End   time.Time
	Queued, Woke time.Duration // of it, what it waited for an instance and for one to wake
	App          time.Duration // and until the instance answered
	Failure      string        // why there is no answer of the application
}

// spanned is what makes a request a span.
type spanned struct {
	told   bool
	caller [16]byte // the span of the client, in digits; zero for none
}

// follow makes the request a span if it is to be one: then what is passed on as its parent is the span.
func (d *ids) follow(t *Tracing) {
	d.spanned = spanned{}
	switch {
	case t == nil:
	case d.begun:
		d.spanned.told = t.Share > 0 && rand.Float64() < t.Share
	case isSampled(d.parent):
		d.spanned.told = true
		copy(d.spanned.caller[:], d.parent[36:52])
		copy(d.made[:], d.parent[:lengthOfParent])
		copy(d.made[:], "00") // what a later version has beyond that is not passed on
		writeHex(d.made[36:52])
		d.parent = d.made[:]
	}
}

// isSampled tells whether the flags of a traceparent say that its trace is recorded.
func isSampled(parent []byte) bool {
	var flags [1]byte
	_, err := hex.Decode(flags[:], parent[53:55])
	return err == nil && flags[0]&1 == 1
}

// span is what the ids say of a request.
func (d *ids) span() (s Span) {
	_, _ = hex.Decode(s.Trace[:], d.parent[3:35])
	_, _ = hex.Decode(s.ID[:], d.parent[36:52])
	if d.spanned.caller[0] != 0 {
		_, _ = hex.Decode(s.Parent[:], d.spanned.caller[:])
	}
	s.RequestID = string(d.request)
	return s
}

// tell tells of the request that has just ended, if it is a span.
func (c *conn) tell(now time.Time) {
	v := &c.visit
	if !v.ids.spanned.told {
		return
	}
	s := v.ids.span()
	path, _, _ := bytes.Cut(c.request.Target, []byte{'?'})
	s.Method, s.Host, s.Path, s.Scheme, s.Protocol = string(c.request.Method), string(c.request.Host), string(path), scheme(c.secure), c.protocol()
	s.Status, s.Instance, s.Failure = loggedStatus(v.status), v.instance, v.failure
	s.Begin, s.End, s.Queued, s.Woke, s.App = v.began, now, v.timing.queued, v.timing.woke, v.timing.app
	v.service.tell(&s)
}

// tell tells of a request that net/http served, if it is a span.
func (x *exchange) tell(now time.Time) {
	if !x.ids.spanned.told {
		return
	}
	s := x.ids.span()
	s.Method, s.Host, s.Path, s.Scheme, s.Protocol = x.in.Method, x.in.Host, x.in.URL.EscapedPath(), scheme(x.secure), protocolOf(x.in)
	s.Status, s.Instance, s.Failure = loggedStatus(x.status), x.instance, x.failure
	s.Begin, s.End, s.Queued, s.Woke, s.App = x.began, now, x.timing.queued, x.timing.woke, x.timing.app
	x.svc.tell(&s)
}

func (s *service) tell(span *Span) {
	span.ServiceID, span.Service = s.id, s.name
	s.tracing.Span(span)
}
