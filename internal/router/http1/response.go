package http1

import (
	"bytes"
	"net/http"
)

// Response is the head of a response. Its slices are those of the bytes it was parsed from.
type Response struct {
	Status  int
	Line    []byte // status and reason, as they were sent
	Fields  []Field
	Framing Framing
	Length  int64 // of a body that is FramedByLength; of the body that HEAD stands for, -1 if unknown

	KeepAlive bool   // the connection takes another request after the body
	Upgrade   []byte // the protocol of a 101
	Dated     bool   // there is a Date
	Named     bool   // there is an X-Request-Id
	Strict    bool   // there is a Strict-Transport-Security
	hops      bool
}

// Parse reads a head that HeadEnd found, as the response to a request. Errors are of type *Error.
func (r *Response) Parse(head []byte, isHead bool) error {
	*r = Response{Fields: r.Fields[:0], Length: -1}
	first, rest := line(head)
	if err := r.parseLine(first); err != nil {
		return err
	}
	var err error
	if r.Fields, err = parseFields(rest, r.Fields); err != nil {
		return err
	}
	return r.understand(isHead)
}

// parseLine reads "HTTP/1.x STATUS REASON".
func (r *Response) parseLine(l []byte) error {
	if len(l) < len("HTTP/1.1 200") || !bytes.HasPrefix(l, []byte("HTTP/1.")) || l[8] != ' ' || (l[7] != '0' && l[7] != '1') {
		return errStatusLine
	}
	status, ok := number(l[9:12])
	if !ok || status < 100 || (len(l) > 12 && l[12] != ' ') || !all(l, &isValue) {
		return errStatusLine
	}
	r.Status, r.Line, r.KeepAlive = int(status), l[9:], l[7] == '1'
	return nil
}

func (r *Response) understand(isHead bool) error {
	chunked := false
	for i := range r.Fields {
		f := &r.Fields[i]
		switch f.Kind {
		case Connection:
			r.connection(f.Value)
		case ContentLength:
			n, ok := number(f.Value)
			if !ok || (r.Length >= 0 && r.Length != n) {
				return errLength
			}
			r.Length = n
		case TransferEncoding:
			if chunked || !EqualFold(f.Value, "chunked") {
				return errCoding
			}
			chunked = true
		case Upgrade:
			r.Upgrade = f.Value
		case Date:
			r.Dated = true
		case RequestID:
			r.Named = true
		case StrictTransport:
			r.Strict = true
		}
	}
	r.frame(isHead, chunked)
	return nil
}

// frame decides how the body ends (RFC 9112, section 6.3).
func (r *Response) frame(isHead, chunked bool) {
	switch {
	case isHead, r.Status < 200, r.Status == http.StatusNoContent, r.Status == http.StatusNotModified:
		r.Framing = NoBody
	case chunked:
		if r.Length >= 0 { // one of the two is a mistake: what follows is not to be trusted
			r.KeepAlive, r.Length = false, -1
		}
		r.Framing = Chunked
	case r.Length == 0:
		r.Framing = NoBody
	case r.Length > 0:
		r.Framing = FramedByLength
	default:
		r.Framing, r.KeepAlive = UntilClose, false
	}
}

func (r *Response) connection(value []byte) {
	for len(value) > 0 {
		var option []byte
		option, value = Element(value)
		switch {
		case EqualFold(option, "close"):
			r.KeepAlive = false
		case EqualFold(option, "keep-alive"), EqualFold(option, "upgrade"), len(option) == 0:
		default:
			r.hops = true
		}
	}
}

// IsHop reports whether Connection names a header, which then does not go further.
func (r *Response) IsHop(name []byte) bool { return r.hops && named(r.Fields, name) }
