package http1

import "bytes"

// maxFields bounds the headers of one message.
const maxFields = 1000

// Kind tells the headers apart that mean something to a proxy.
type Kind uint8

// The kinds of headers.
const (
	Other            Kind = iota
	Hop                   // means something between two hops only, and nothing to us
	Forwarded             // says who the client is; only a proxy that is trusted may
	Host                  //
	Connection            //
	ContentLength         //
	TransferEncoding      //
	Upgrade               //
	TE                    //
	Expect                //
	Accept                //
	IdempotencyKey        // with or without "X-"
	Date                  //
	Trailer               //
	RequestID             //
	TraceParent           //
	TraceState            //
	UserAgent             //
	StrictTransport       // Strict-Transport-Security
)

// Field is a header. Name is as it was sent.
type Field struct {
	Name, Value []byte
	Kind        Kind
}

// kindOf looks at the length first: most names are told apart by it alone.
func kindOf(name []byte) Kind {
	switch len(name) {
	case 2:
		return pick(name, "te", TE)
	case 4:
		return pick(name, "host", Host) + pick(name, "date", Date)
	case 6:
		return pick(name, "accept", Accept) + pick(name, "expect", Expect)
	case 7:
		return pick(name, "upgrade", Upgrade) + pick(name, "trailer", Trailer)
	case 9:
		return pick(name, "forwarded", Forwarded)
	case 10:
		return pick(name, "connection", Connection) + pick(name, "keep-alive", Hop) +
			pick(name, "user-agent", UserAgent) + pick(name, "tracestate", TraceState)
	case 11:
		return pick(name, "traceparent", TraceParent)
	case 12:
		return pick(name, "x-request-id", RequestID)
	case 14:
		return pick(name, "content-length", ContentLength)
	case 15:
		return pick(name, "x-forwarded-for", Forwarded) + pick(name, "idempotency-key", IdempotencyKey)
	case 16:
		return pick(name, "x-forwarded-host", Forwarded) + pick(name, "proxy-connection", Hop)
	case 17:
		return pick(name, "transfer-encoding", TransferEncoding) + pick(name, "x-forwarded-proto", Forwarded) +
			pick(name, "x-idempotency-key", IdempotencyKey)
	case 18:
		return pick(name, "proxy-authenticate", Hop)
	case 19:
		return pick(name, "proxy-authorization", Hop)
	case 25:
		return pick(name, "strict-transport-security", StrictTransport)
	}
	return Other
}

// pick is kind for a name that is lower, in any case, and Other for the rest.
func pick(name []byte, lower string, kind Kind) Kind {
	if EqualFold(name, lower) {
		return kind
	}
	return Other
}

// HeadEnd finds the end of a head, that is after its empty line. It returns 0 while the head is not
// whole, and looks only at what comes after the first from bytes, which it has looked at before.
// Strict heads end all their lines with CR LF.
func HeadEnd(b []byte, from int, strict bool) (int, error) {
	for at := from; ; {
		lf := bytes.IndexByte(b[at:], '\n')
		if lf < 0 {
			return 0, nil
		}
		lf += at
		at = lf + 1
		cr := lf > 0 && b[lf-1] == '\r'
		if strict && !cr {
			return 0, errLineEnd
		}
		line := lf
		if cr {
			line--
		}
		if line > 0 && b[line-1] == '\n' {
			return at, nil
		}
	}
}

// line cuts the first line off a head, without its end.
func line(b []byte) (first, rest []byte) {
	before, after, ok := bytes.Cut(b, []byte{'\n'})
	if !ok {
		return b, nil
	}
	first, rest = before, after
	if len(first) > 0 && first[len(first)-1] == '\r' {
		first = first[:len(first)-1]
	}
	return first, rest
}

// parseFields reads the headers of a head that HeadEnd found, and appends them to fields.
func parseFields(b []byte, fields []Field) ([]Field, error) {
	for {
		var l []byte
		l, b = line(b)
		if len(l) == 0 {
			return fields, nil
		}
		if len(fields) == maxFields {
			return fields, errManyFields
		}
		f, err := parseField(l)
		if err != nil {
			return fields, err
		}
		fields = append(fields, f)
	}
}

func parseField(l []byte) (Field, error) {
	if l[0] == ' ' || l[0] == '\t' {
		return Field{}, errFold
	}
	colon := bytes.IndexByte(l, ':')
	if colon <= 0 || !all(l[:colon], &isToken) {
		return Field{}, errName
	}
	if !all(l[colon+1:], &isValue) {
		return Field{}, errValue
	}
	return Field{Name: l[:colon], Value: trim(l[colon+1:]), Kind: kindOf(l[:colon])}, nil
}
