package router

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"

	"github.com/slipway-run/slipway/internal/router/http1"
)

const (
	headerRequestID   = "X-Request-Id"
	headerTraceParent = "Traceparent"
	headerTraceState  = "Tracestate"

	madeID         = 32  // length of a request id that is made here
	longestID      = 128 // of a client's
	lengthOfParent = 55  // of a traceparent of version 00
)

// ids are what a request is known by elsewhere. They are text, as their headers have it.
type ids struct {
	request []byte // X-Request-Id: the client's, or made here
	parent  []byte // traceparent (W3C Trace Context): the client's, or begun here
	begun   bool   // the trace
	madeID  [madeID]byte
	made    [lengthOfParent]byte
	spanned spanned
}

// take finds out the ids of a request from its headers, of which the client may have sent several.
//
// A trace that the client began goes on unchanged: unless the router tells of a span of its own (see
// follow), one would only be missing between the two. One that is begun here is marked as sampled, so that
// applications whose rule is to follow their caller decide as if there were none.
func (d *ids) take(request, parent []byte) {
	d.request, d.parent, d.begun = request, parent, false
	if !isSaneID(request) {
		writeHex(d.madeID[:])
		d.request = d.madeID[:]
	}
	if !isTraceParent(parent) {
		d.begun = true
		b := d.made[:]
		copy(b, "00-")
		writeHex(b[3:35])
		b[35] = '-'
		writeHex(b[36:52])
		copy(b[52:], "-01")
		d.parent = b
	}
}

// trace is the id of the trace.
func (d *ids) trace() []byte { return d.parent[3:35] }

// takeFrom is take for the headers of HTTP/1.1. A header that is there twice counts as none.
func (d *ids) takeFrom(fields []http1.Field) {
	var request, parent []byte
	requests, parents := 0, 0
	for i := range fields {
		switch f := &fields[i]; f.Kind {
		case http1.RequestID:
			request, requests = f.Value, requests+1
		case http1.TraceParent:
			parent, parents = f.Value, parents+1
		}
	}
	if requests > 1 {
		request = nil
	}
	if parents > 1 {
		parent = nil
	}
	d.take(request, parent)
}

// takeFromHeader is takeFrom for those that net/http read.
func (d *ids) takeFromHeader(h http.Header) {
	d.take(only(h[headerRequestID]), only(h[headerTraceParent]))
}

func only(values []string) []byte {
	if len(values) != 1 {
		return nil
	}
	return []byte(values[0])
}

// writeHex fills b, whose length is a multiple of 16, with random digits. They need not be secret.
func writeHex(b []byte) {
	var random [8]byte
	for ; len(b) > 0; b = b[16:] {
		binary.LittleEndian.PutUint64(random[:], rand.Uint64()|1) // no id may be all zeros
		hex.Encode(b, random[:])
	}
}

// isSaneID tells whether a client's request id can go into headers and logs as it is.
func isSaneID(b []byte) bool {
	for _, c := range b {
		if !sane[c] {
			return false
		}
	}
	return len(b) > 0 && len(b) <= longestID
}

var sane = func() (is [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~+/=:@,;") {
		is[c] = true
	}
	return is
}()

// isTraceParent tells whether a traceparent is one (W3C Trace Context, section 3.2). Later versions may
// have more after a dash.
func isTraceParent(b []byte) bool {
	if len(b) < lengthOfParent || b[2] != '-' || b[35] != '-' || b[52] != '-' {
		return false
	}
	version := b[:2]
	switch {
	case !isHex(version), string(version) == "ff":
		return false
	case string(version) == "00" && len(b) != lengthOfParent:
		return false
	case len(b) > lengthOfParent && b[lengthOfParent] != '-':
		return false
	}
	return isHex(b[3:35]) && !isZero(b[3:35]) && isHex(b[36:52]) && !isZero(b[36:52]) && isHex(b[53:55])
}

// isHex tells whether all are hexadecimal digits in lower case.
func isHex(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func isZero(b []byte) bool {
	for _, c := range b {
		if c != '0' {
			return false
		}
	}
	return true
}
