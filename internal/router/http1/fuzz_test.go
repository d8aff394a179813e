package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"testing"
)

// FuzzRequest compares with net/http: what is accepted here is accepted there, means the same, and ends
// with the same byte. So the two never disagree on where the next request begins.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /",
		"POST /?a=%zz HTTP/1.1\r\nHost: a:1\r\nContent-Length: 4\r\n\r\nbodyrest",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nbody\r\n0\r\nA: b\r\n\r\nrest",
		"GET http://b/c HTTP/1.1\r\nHost: a\r\nConnection: close, X\r\nX: 1\r\n\r\n",
		"OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n X: folded\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &Stream{From: bytes.NewReader(data), Buf: make([]byte, 1<<16)}
		n, err := s.ReadHead(1<<16, true, nil)
		if err != nil {
			return
		}
		var r Request
		head := bytes.Clone(s.Buffered()[:n])
		if r.Parse(head) != nil {
			return
		}
		s.Skip(n)
		var b Body
		b.Reset(r.Framing, r.Length, true)
		body, rest, err := readBody(s, &b)
		if err != nil {
			return
		}
		in := bufio.NewReader(bytes.NewReader(data))
		theirs, err := http.ReadRequest(in)
		if err != nil {
			if _, ok := errors.AsType[*url.Error](err); ok {
				return // net/http reads targets, which is the application's part here
			}
			t.Fatalf("net/http refuses %q: %v", data, err)
		}
		theirBody, err := io.ReadAll(theirs.Body)
		if err != nil {
			t.Fatalf("net/http refuses the body of %q: %v", data, err)
		}
		theirRest, _ := io.ReadAll(in)
		if string(theirBody) != body || string(theirRest) != rest {
			t.Fatalf("%q: body %q and rest %q, in net/http %q and %q", data, body, rest, theirBody, theirRest)
		}
		if theirs.Method != string(r.Method) || theirs.Host != string(r.Host) || theirs.ProtoMinor != r.Minor {
			t.Fatalf("%q: %s %s 1.%d, in net/http %s %s 1.%d", data, r.Method, r.Host, r.Minor, theirs.Method, theirs.Host, theirs.ProtoMinor)
		}
	})
}

// FuzzResponse looks for panics, and for a header that a client would read differently.
func FuzzResponse(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: X\r\n\r\nbody"), false)
	f.Add([]byte("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n4\nbody\n0\n\n"), false)
	f.Add([]byte("HTTP/1.0 304 Not Modified\r\n\r\n"), true)
	f.Fuzz(func(t *testing.T, data []byte, isHead bool) {
		s := &Stream{From: bytes.NewReader(data), Buf: make([]byte, 1<<16)}
		n, err := s.ReadHead(1<<16, false, nil)
		if err != nil {
			return
		}
		var r Response
		if r.Parse(s.Buffered()[:n], isHead) != nil {
			return
		}
		for _, field := range r.Fields {
			if bytes.ContainsAny(field.Name, "\r\n: ") || bytes.ContainsAny(field.Value, "\r\n\x00") {
				t.Errorf("%q has the header %q: %q", data, field.Name, field.Value)
			}
		}
		s.Skip(n)
		var b Body
		b.Reset(r.Framing, r.Length, false)
		_, _, _ = readBody(s, &b)
	})
}
