package http1

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// readBody reads a body as a proxy does, and returns it with what the stream has left.
func readBody(s *Stream, b *Body) (body, rest string, err error) {
	var got strings.Builder
	for {
		piece, err := b.Next(s)
		got.Write(piece)
		if errors.Is(err, io.EOF) {
			left, err := io.ReadAll(s.From)
			return got.String(), string(s.Buffered()) + string(left), err
		}
		if err != nil {
			return got.String(), "", err
		}
		if len(piece) == 0 {
			if err := s.Fill(); err != nil {
				if err = b.Ended(err); err != nil {
					return got.String(), "", err
				}
			}
		}
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	for reason, tc := range map[string]struct {
		framing    Framing
		length     int64
		text, want string
		wrong      bool
	}{
		"by length":                    {FramedByLength, 4, "bodyrest", "body", false},
		"by length, too short":         {FramedByLength, 9, "body", "", true},
		"chunked":                      {Chunked, -1, "4\r\nbody\r\n0\r\n\r\nrest", "body", false},
		"several chunks":               {Chunked, -1, "2\r\nbo\r\n02\r\ndy\r\n00\r\n\r\nrest", "body", false},
		"extensions":                   {Chunked, -1, "4;a=b\r\nbody\r\n0;x\r\n\r\nrest", "body", false},
		"upper case size":              {Chunked, -1, "A\r\n0123456789\r\n0\r\n\r\nrest", "0123456789", false},
		"trailers":                     {Chunked, -1, "4\r\nbody\r\n0\r\nA: b\r\nC: d\r\n\r\nrest", "body", false},
		"size with 0x":                 {Chunked, -1, "0x4\r\nbody\r\n0\r\n\r\n", "", true},
		"size with a sign":             {Chunked, -1, "+4\r\nbody\r\n0\r\n\r\n", "", true},
		"size with a space before":     {Chunked, -1, " 4\r\nbody\r\n0\r\n\r\n", "", true},
		"size that overflows":          {Chunked, -1, "10000000000000004\r\nbody\r\n0\r\n\r\n", "", true},
		"no size":                      {Chunked, -1, "\r\nbody\r\n0\r\n\r\n", "", true},
		"no size but an extension":     {Chunked, -1, ";a\r\nbody\r\n0\r\n\r\n", "", true},
		"chunk longer than its size":   {Chunked, -1, "3\r\nbody\r\n0\r\n\r\n", "", true},
		"bare LF after the size":       {Chunked, -1, "4\nbody\r\n0\r\n\r\n", "", true},
		"bare LF after the data":       {Chunked, -1, "4\r\nbody\n0\r\n\r\n", "", true},
		"bare LF after the last chunk": {Chunked, -1, "4\r\nbody\r\n0\r\n\n", "", true},
		"bare CR in an extension":      {Chunked, -1, "4;a\rb\r\nbody\r\n0\r\n\r\n", "", true},
		"endless extension":            {Chunked, -1, "4;" + strings.Repeat("a", 300) + "\r\nbody\r\n0\r\n\r\n", "", true},
		"many extensions":              {Chunked, -1, strings.Repeat("1;"+strings.Repeat("a", 200)+"\r\nx\r\n", 100) + "0\r\n\r\n", "", true},
		"folded trailer":               {Chunked, -1, "0\r\nA: b\r\n c\r\n\r\n", "", true},
		"trailers that do not end":     {Chunked, -1, "0\r\n" + strings.Repeat("A: b\r\n", 5000), "", true},
		"no last chunk":                {Chunked, -1, "4\r\nbody\r\n", "", true},
		"ends in the size":             {Chunked, -1, "4", "", true},
		"until the close":              {UntilClose, -1, "body", "body", false},
		"none":                         {NoBody, 0, "rest", "", false},
	} {
		for _, in := range []io.Reader{strings.NewReader(tc.text), iotest.OneByteReader(strings.NewReader(tc.text))} {
			s := &Stream{From: in, Buf: make([]byte, 32<<10)}
			var b Body
			b.Reset(tc.framing, tc.length, true)
			body, rest, err := readBody(s, &b)
			if (err != nil) != tc.wrong || (!tc.wrong && (body != tc.want || (tc.framing != UntilClose && rest != "rest"))) {
				t.Errorf("%s: got %q, rest %q, %v", reason, body, rest, err)
			}
		}
	}
}

func TestResponses(t *testing.T) {
	t.Parallel()
	for reason, tc := range map[string]struct {
		text      string
		isHead    bool
		framing   Framing
		length    int64
		keepAlive bool
		wrong     bool
	}{
		"length":                  {text: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", framing: FramedByLength, length: 3, keepAlive: true},
		"LF alone":                {text: "HTTP/1.1 200 OK\nContent-Length: 3\n\n", framing: FramedByLength, length: 3, keepAlive: true},
		"chunked":                 {text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", framing: Chunked, length: -1, keepAlive: true},
		"until the close":         {text: "HTTP/1.1 200 OK\r\n\r\n", framing: UntilClose, length: -1},
		"HTTP/1.0":                {text: "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n", framing: FramedByLength, length: 3},
		"close":                   {text: "HTTP/1.1 200\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", framing: NoBody},
		"HEAD":                    {text: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", isHead: true, framing: NoBody, length: 3, keepAlive: true},
		"204":                     {text: "HTTP/1.1 204 No Content\r\n\r\n", framing: NoBody, length: -1, keepAlive: true},
		"304":                     {text: "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", framing: NoBody, length: 3, keepAlive: true},
		"103":                     {text: "HTTP/1.1 103 Early Hints\r\n\r\n", framing: NoBody, length: -1, keepAlive: true},
		"the same length twice":   {text: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", framing: FramedByLength, length: 3, keepAlive: true},
		"length and coding":       {text: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", framing: Chunked, length: -1},
		"two lengths":             {text: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", wrong: true},
		"another coding":          {text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", wrong: true},
		"another protocol":        {text: "SSH-2.0-OpenSSH\r\n\r\n", wrong: true},
		"status that is none":     {text: "HTTP/1.1 2x0 OK\r\n\r\n", wrong: true},
		"status below 100":        {text: "HTTP/1.1 099 OK\r\n\r\n", wrong: true},
		"control character":       {text: "HTTP/1.1 200 OK\r\nX: a\x00\r\n\r\n", wrong: true},
		"header that injects one": {text: "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\n\r\n", wrong: true},
	} {
		var r Response
		n, err := HeadEnd([]byte(tc.text), 0, false)
		if err == nil {
			err = r.Parse([]byte(tc.text)[:n], tc.isHead)
		}
		if (err != nil) != tc.wrong {
			t.Errorf("%s: %v", reason, err)
		} else if !tc.wrong && (r.Framing != tc.framing || r.Length != tc.length || r.KeepAlive != tc.keepAlive) {
			t.Errorf("%s: got framing %d, length %d, keep alive %v", reason, r.Framing, r.Length, r.KeepAlive)
		}
	}
}
