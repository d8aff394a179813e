package http1

import "bytes"

// Request is the head of a request. Its slices are those of the bytes it was parsed from.
type Request struct {
	Method  []byte
	Target  []byte // as origin-form or *, also when the client sent a whole URL
	Host    []byte // of the URL if there is one, else of the header
	Minor   int    // of the version: 0 or 1
	Fields  []Field
	Framing Framing
	Length  int64 // of a body that is FramedByLength

	KeepAlive bool   // the client wants to send more on its connection
	Upgrade   []byte // the protocol that the client wants; empty for none
	Trailers  bool   // the client takes trailers
	Continue  bool   // the client waits for "100 Continue" before it sends the body
	Repeats   bool   // the client says that the request may be sent twice
	hops      bool   // Connection names headers
}

// Parse reads a head that HeadEnd found. Errors are of type *Error.
func (r *Request) Parse(head []byte) error {
	*r = Request{Fields: r.Fields[:0]}
	first, rest := line(head)
	if err := r.parseLine(first); err != nil {
		return err
	}
	var err error
	if r.Fields, err = parseFields(rest, r.Fields); err != nil {
		return err
	}
	return r.understand()
}

// parseLine reads "METHOD TARGET HTTP/1.x".
func (r *Request) parseLine(l []byte) error {
	method := bytes.IndexByte(l, ' ')
	version := bytes.LastIndexByte(l, ' ')
	if method <= 0 || version <= method+1 {
		return errRequestLine
	}
	r.Method, r.Target = l[:method], l[method+1:version]
	switch string(l[version+1:]) {
	case "HTTP/1.1":
		r.Minor = 1
	case "HTTP/1.0":
	default:
		return errVersion
	}
	if !all(r.Method, &isToken) {
		return errMethod
	}
	return r.parseTarget()
}

func (r *Request) parseTarget() error {
	for _, c := range r.Target {
		if c <= ' ' || c == 0x7f {
			return errTarget
		}
	}
	switch {
	case string(r.Method) == "CONNECT":
		return errConnect
	case r.Target[0] == '/', len(r.Target) == 1 && r.Target[0] == '*' && string(r.Method) == "OPTIONS":
		return nil
	}
	return r.parseURL()
}

// parseURL takes the host out of a target that is a URL (RFC 9112, section 3.2.2).
func (r *Request) parseURL() error {
	scheme := bytes.Index(r.Target, []byte("://"))
	if scheme < 0 || !(EqualFold(r.Target[:scheme], "http") || EqualFold(r.Target[:scheme], "https")) {
		return errTarget
	}
	rest := r.Target[scheme+3:]
	path := bytes.IndexAny(rest, "/?#")
	if path < 0 {
		r.Host, r.Target = rest, slash
	} else {
		r.Host, r.Target = rest[:path], rest[path:]
	}
	if len(r.Host) == 0 || !all(r.Host, &isHost) || r.Target[0] != '/' {
		return errTarget
	}
	return nil
}

var slash = []byte("/")

// understand draws together what the headers say of the message itself.
func (r *Request) understand() error {
	r.KeepAlive = r.Minor == 1
	hosts, lengths, upgrade := 0, 0, []byte(nil)
	wantsUpgrade, wantsTrailers := false, false
	for i := range r.Fields {
		f := &r.Fields[i]
		switch f.Kind {
		case Host:
			if hosts++; hosts > 1 || !all(f.Value, &isHost) {
				return errHost
			}
			if r.Host == nil {
				r.Host = f.Value
			}
		case Connection:
			wantsUpgrade = r.connection(f.Value) || wantsUpgrade
		case ContentLength:
			var ok bool
			if r.Length, ok = number(f.Value); !ok || lengths > 0 {
				return errLength
			}
			lengths++
		case TransferEncoding:
			if r.Framing == Chunked || !EqualFold(f.Value, "chunked") {
				return errCoding
			}
			r.Framing = Chunked
		case Upgrade:
			upgrade = f.Value
		case TE:
			wantsTrailers = wantsTrailers || Lists(f.Value, "trailers")
		case Expect:
			if !EqualFold(f.Value, "100-continue") {
				return errExpect
			}
			r.Continue = r.Minor == 1
		case IdempotencyKey:
			r.Repeats = r.Repeats || len(f.Value) > 0
		}
	}
	if wantsUpgrade && r.Minor == 1 && !Lists(upgrade, "h2c") {
		r.Upgrade = upgrade // to HTTP/2 would lead around whoever counts requests; a server may ignore it
	}
	r.Trailers = wantsTrailers
	return r.frame(hosts, lengths)
}

func (r *Request) frame(hosts, lengths int) error {
	switch {
	case hosts == 0 && r.Minor == 1:
		return errHost
	case r.Framing == Chunked && lengths > 0:
		return errBothLengths
	case r.Framing == Chunked && r.Minor == 0:
		return errOldCoding
	case r.Framing == Chunked:
	case r.Length > 0:
		r.Framing = FramedByLength
	}
	if r.Framing == NoBody {
		r.Continue = false // there is nothing to wait with
	}
	return nil
}

// connection reads a Connection header, and reports whether it asks for an upgrade.
func (r *Request) connection(value []byte) (upgrade bool) {
	for len(value) > 0 {
		var option []byte
		option, value = Element(value)
		switch {
		case EqualFold(option, "close"):
			r.KeepAlive = false
		case EqualFold(option, "keep-alive"):
			r.KeepAlive = r.KeepAlive || r.Minor == 0
		case EqualFold(option, "upgrade"):
			upgrade = true
		case len(option) > 0:
			r.hops = true
		}
	}
	return upgrade
}

// IsHop reports whether Connection names a header, which then does not go further.
func (r *Request) IsHop(name []byte) bool { return r.hops && named(r.Fields, name) }

func named(fields []Field, name []byte) bool {
	for i := range fields {
		for list := fields[i].Value; fields[i].Kind == Connection && len(list) > 0; {
			var option []byte
			if option, list = Element(list); len(option) == len(name) && bytes.EqualFold(option, name) {
				return true
			}
		}
	}
	return false
}

// Idempotent reports whether sending the request twice does what sending it once does (RFC 9110,
// section 9.2.2), or its sender says so.
func (r *Request) Idempotent() bool {
	switch string(r.Method) {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return r.Repeats
}

// IsHead reports whether the response has no body whatever its header says.
func (r *Request) IsHead() bool { return string(r.Method) == "HEAD" }
