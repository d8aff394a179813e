package router

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/slipway-run/slipway/internal/router/http1"
)

const crlf = "\r\n"

// appendRequest makes the head that an instance gets. What the client says of itself by X-Forwarded
// headers goes no further; forwarded says it instead, up to the host that was asked for.
func appendRequest(b []byte, r *http1.Request, forwarded, asked []byte, known *ids, whole bool) []byte {
	b = append(append(append(b, r.Method...), ' '), r.Target...)
	b = append(append(append(b, " HTTP/1.1\r\nHost: "...), r.Host...), crlf...)
	for i := range r.Fields {
		f := &r.Fields[i]
		switch f.Kind {
		case http1.Other, http1.Accept, http1.IdempotencyKey, http1.Date, http1.UserAgent, http1.StrictTransport:
			if !r.IsHop(f.Name) {
				b = appendField(b, f)
			}
		case http1.TraceState:
			if !known.begun { // it belongs to the trace of a traceparent
				b = appendField(b, f)
			}
		case http1.Trailer:
			if r.Framing == http1.Chunked {
				b = appendField(b, f)
			}
		}
	}
	b = append(append(append(b, forwarded...), asked...), "\r\n"+headerRequestID+": "...)
	b = append(append(b, known.request...), "\r\n"+headerTraceParent+": "...)
	b = append(append(b, known.parent...), crlf...)
	if r.Trailers {
		b = append(b, "TE: trailers\r\n"...)
	}
	if len(r.Upgrade) > 0 {
		b = append(append(append(b, "Connection: Upgrade\r\nUpgrade: "...), r.Upgrade...), crlf...)
	}
	if r.Continue && !whole {
		b = append(b, "Expect: 100-continue\r\n"...)
	}
	return append(appendFraming(b, r), crlf...)
}

func appendFraming(b []byte, r *http1.Request) []byte {
	switch r.Framing {
	case http1.Chunked:
		return append(b, "Transfer-Encoding: chunked\r\n"...)
	case http1.FramedByLength:
		return appendLength(b, r.Length)
	}
	switch string(r.Method) {
	case http.MethodPost, http.MethodPut, http.MethodPatch: // without it, some wait for a body
		return appendLength(b, 0)
	}
	return b
}

func appendLength(b []byte, n int64) []byte {
	return append(strconv.AppendInt(append(b, "Content-Length: "...), n, 10), crlf...)
}

func appendField(b []byte, f *http1.Field) []byte {
	b = append(append(b, f.Name...), ": "...)
	return append(append(b, f.Value...), crlf...)
}

// appendResponse makes the head that a client gets, up to what is ours.
func appendResponse(b []byte, r *http1.Response, chunked bool) []byte {
	b = appendEndToEnd(append(append(append(b, "HTTP/1.1 "...), r.Line...), crlf...), r, chunked)
	if !r.Dated {
		b = append(append(append(b, "Date: "...), date()...), crlf...)
	}
	switch {
	case chunked:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case r.Length >= 0 && r.Status != http.StatusNoContent:
		b = appendLength(b, r.Length)
	}
	return b
}

// appendOwn adds the headers that are ours. What the application says itself stands.
func (v *visit) appendOwn(b []byte, r *http1.Response, secure bool) []byte {
	if !r.Named {
		b = append(append(append(b, headerRequestID+": "...), v.ids.request...), crlf...)
	}
	b = append(v.timing.appendTiming(append(b, headerTiming+": "...)), crlf...)
	if secure && v.route.HSTS > 0 && !r.Strict {
		b = append(appendHSTS(append(b, headerHSTS+": "...), v.route.HSTS), crlf...)
	}
	return b
}

const headerHSTS = "Strict-Transport-Security"

func appendHSTS(b []byte, d time.Duration) []byte {
	return strconv.AppendInt(append(b, "max-age="...), int64(d/time.Second), 10)
}

// appendConnection says what happens to the connection where that is not the version's rule.
func appendConnection(b []byte, keep bool, minor int) []byte {
	switch {
	case !keep:
		return append(b, "Connection: close\r\n"...)
	case minor == 0:
		return append(b, "Connection: keep-alive\r\n"...)
	}
	return b
}

func appendEndToEnd(b []byte, r *http1.Response, chunked bool) []byte {
	for i := range r.Fields {
		f := &r.Fields[i]
		switch f.Kind {
		case http1.Hop, http1.Connection, http1.ContentLength, http1.TransferEncoding, http1.Upgrade:
			continue
		case http1.Trailer:
			if !chunked {
				continue
			}
		}
		if !r.IsHop(f.Name) {
			b = appendField(b, f)
		}
	}
	return b
}

// appendInformation makes a head of a status 1xx other than 101.
func appendInformation(b []byte, r *http1.Response) []byte {
	return append(appendEndToEnd(append(append(append(b, "HTTP/1.1 "...), r.Line...), crlf...), r, false), crlf...)
}

// appendSwitch makes the head of a 101.
func appendSwitch(b []byte, r *http1.Response) []byte {
	b = appendEndToEnd(append(append(append(b, "HTTP/1.1 "...), r.Line...), crlf...), r, false)
	return append(append(append(b, "Connection: Upgrade\r\nUpgrade: "...), r.Upgrade...), "\r\n\r\n"...)
}

func appendChunkSize(b []byte, n int) []byte {
	return append(strconv.AppendInt(b, int64(n), 16), crlf...)
}

// appendLast ends a chunked body.
func appendLast(b []byte, trailer []http1.Field) []byte {
	b = append(b, "0\r\n"...)
	for i := range trailer {
		if k := trailer[i].Kind; k == http1.Other || k == http1.Date {
			b = appendField(b, &trailer[i]) // one that says how a message is read comes too late
		}
	}
	return append(b, crlf...)
}

// today is the present second as a Date header has it.
var today atomic.Pointer[stamp]

type stamp struct {
	unix int64
	text string
}

func date() string {
	now := time.Now()
	s := today.Load()
	if s == nil || s.unix != now.Unix() {
		s = &stamp{now.Unix(), now.UTC().Format(http.TimeFormat)}
		today.Store(s)
	}
	return s.text
}
