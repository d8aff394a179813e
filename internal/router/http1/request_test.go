package http1

import (
	"errors"
	"strings"
	"testing"
)

func parse(text string) (*Request, error) {
	r := &Request{}
	n, err := HeadEnd([]byte(text), 0, true)
	if err != nil {
		return r, err
	}
	if n == 0 {
		return r, errors.New("the head is not whole")
	}
	return r, r.Parse([]byte(text)[:n])
}

func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	const host = "Host: a\r\n"
	for reason, tc := range map[string]struct {
		text   string
		status int
	}{
		"bare LF":                             {"GET / HTTP/1.1\nHost: a\n\n", 400},
		"bare LF after a header":              {"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400},
		"bare CR in a value":                  {"GET / HTTP/1.1\r\n" + host + "X: a\rY: b\r\n\r\n", 400},
		"bare CR in the request line":         {"GET /\r HTTP/1.1\r\n" + host + "\r\n", 400},
		"NUL in a value":                      {"GET / HTTP/1.1\r\n" + host + "X: a\x00b\r\n\r\n", 400},
		"DEL in a value":                      {"GET / HTTP/1.1\r\n" + host + "X: a\x7fb\r\n\r\n", 400},
		"folded header":                       {"GET / HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n", 400},
		"folded first header":                 {"GET / HTTP/1.1\r\n X: a\r\n" + host + "\r\n", 400},
		"space before the colon":              {"GET / HTTP/1.1\r\n" + host + "Content-Length : 1\r\n\r\n", 400},
		"space in a name":                     {"GET / HTTP/1.1\r\n" + host + "X Y: 1\r\n\r\n", 400},
		"no name":                             {"GET / HTTP/1.1\r\n" + host + ": 1\r\n\r\n", 400},
		"no colon":                            {"GET / HTTP/1.1\r\n" + host + "X\r\n\r\n", 400},
		"no Host":                             {"GET / HTTP/1.1\r\n\r\n", 400},
		"two Hosts":                           {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
		"Host with a path":                    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
		"Host with a user":                    {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
		"length and coding":                   {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		"length 0 and coding":                 {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", 400},
		"two lengths":                         {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
		"the same length twice":               {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
		"lengths in a list":                   {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1, 1\r\n\r\n", 400},
		"signed length":                       {"POST / HTTP/1.1\r\n" + host + "Content-Length: +1\r\n\r\n", 400},
		"negative length":                     {"POST / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", 400},
		"hexadecimal length":                  {"POST / HTTP/1.1\r\n" + host + "Content-Length: 0x1\r\n\r\n", 400},
		"empty length":                        {"POST / HTTP/1.1\r\n" + host + "Content-Length:\r\n\r\n", 400},
		"length that overflows":               {"POST / HTTP/1.1\r\n" + host + "Content-Length: 18446744073709551617\r\n\r\n", 400},
		"another coding":                      {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
		"coding that only looks like chunked": {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n\r\n", 501},
		"coding with a vertical tab":          {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: \x0bchunked\r\n\r\n", 400},
		"chunked twice":                       {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501},
		"chunked in a list":                   {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, identity\r\n\r\n", 501},
		"identity":                            {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: identity\r\n\r\n", 501},
		"coding in HTTP/1.0":                  {"POST / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n", 400},
		"no version":                          {"GET /\r\n" + host + "\r\n", 400},
		"HTTP/2":                              {"PRI * HTTP/2.0\r\n\r\n", 505},
		"HTTP/1.2":                            {"GET / HTTP/1.2\r\n" + host + "\r\n", 505},
		"lower case version":                  {"GET / http/1.1\r\n" + host + "\r\n", 505},
		"two spaces before the version":       {"GET /  HTTP/1.1\r\n" + host + "\r\n", 400},
		"two spaces after the method":         {"GET  / HTTP/1.1\r\n" + host + "\r\n", 400},
		"tab in the request line":             {"GET\t/\tHTTP/1.1\r\n" + host + "\r\n", 400},
		"space in the target":                 {"GET /a b HTTP/1.1\r\n" + host + "\r\n", 400},
		"relative target":                     {"GET a HTTP/1.1\r\n" + host + "\r\n", 400},
		"target of another scheme":            {"GET ftp://a/ HTTP/1.1\r\n" + host + "\r\n", 400},
		"target that is a URL with a user":    {"GET http://u@a/ HTTP/1.1\r\n" + host + "\r\n", 400},
		"* with GET":                          {"GET * HTTP/1.1\r\n" + host + "\r\n", 400},
		"CONNECT":                             {"CONNECT a:1 HTTP/1.1\r\n" + host + "\r\n", 501},
		"method with a bracket":               {"G[T / HTTP/1.1\r\n" + host + "\r\n", 400},
		"another expectation":                 {"POST / HTTP/1.1\r\n" + host + "Expect: a pony\r\n\r\n", 417},
		"empty line first":                    {"\r\nGET / HTTP/1.1\r\n" + host + "\r\n", 400},
		"more headers than anybody needs":     {"GET / HTTP/1.1\r\n" + host + strings.Repeat("X: y\r\n", maxFields) + "\r\n", 431},
	} {
		_, err := parse(tc.text)
		if wrong, ok := errors.AsType[*Error](err); !ok || wrong.Status != tc.status {
			t.Errorf("%s: %v, want a refusal with %d", reason, err, tc.status)
		}
	}
}

func TestAcceptedRequests(t *testing.T) {
	t.Parallel()
	for reason, tc := range map[string]struct {
		text string
		want Request
	}{
		"plain":                                 {"GET /a?b HTTP/1.1\r\nHost: A:1\r\n\r\n", Request{Target: []byte("/a?b"), Host: []byte("A:1"), Minor: 1, KeepAlive: true}},
		"a URL's host":                          {"GET http://b/c HTTP/1.1\r\nHost: a\r\n\r\n", Request{Target: []byte("/c"), Host: []byte("b"), Minor: 1, KeepAlive: true}},
		"a bare URL":                            {"GET HTTP://b HTTP/1.1\r\nHost: a\r\n\r\n", Request{Target: []byte("/"), Host: []byte("b"), Minor: 1, KeepAlive: true}},
		"HTTP/1.0":                              {"GET / HTTP/1.0\r\n\r\n", Request{Target: []byte("/")}},
		"HTTP/1.0 that stays":                   {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", Request{Target: []byte("/"), KeepAlive: true}},
		"close":                                 {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n", Request{Target: []byte("/"), Host: []byte("a"), Minor: 1}},
		"length":                                {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 07\r\n\r\n", Request{Target: []byte("/"), Host: []byte("a"), Minor: 1, KeepAlive: true, Framing: FramedByLength, Length: 7}},
		"length 0":                              {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n", Request{Target: []byte("/"), Host: []byte("a"), Minor: 1, KeepAlive: true}},
		"chunked":                               {"POST / HTTP/1.1\r\nHost: a\r\ntransfer-ENCODING: Chunked \r\nExpect: 100-Continue\r\n\r\n", Request{Target: []byte("/"), Host: []byte("a"), Minor: 1, KeepAlive: true, Framing: Chunked, Continue: true}},
		"upgrade":                               {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\r\n", Request{Target: []byte("/"), Host: []byte("a"), Minor: 1, KeepAlive: true, Upgrade: []byte("WebSocket")}},
		"upgrade that Connection does not name": {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n", Request{Target: []byte("/"), Host: []byte("a"), Minor: 1, KeepAlive: true}},
		"trailers":                              {"GET / HTTP/1.1\r\nHost: a\r\nTE: gzip, trailers\r\n\r\n", Request{Target: []byte("/"), Host: []byte("a"), Minor: 1, KeepAlive: true, Trailers: true}},
	} {
		got, err := parse(tc.text)
		if err != nil {
			t.Errorf("%s: %v", reason, err)
			continue
		}
		w := tc.want
		if string(got.Target) != string(w.Target) || string(got.Host) != string(w.Host) || string(got.Upgrade) != string(w.Upgrade) ||
			got.Minor != w.Minor || got.KeepAlive != w.KeepAlive || got.Framing != w.Framing || got.Length != w.Length ||
			got.Continue != w.Continue || got.Trailers != w.Trailers {
			t.Errorf("%s: got %+v, want %+v", reason, got, w)
		}
	}
}

func TestHopsThatConnectionNames(t *testing.T) {
	t.Parallel()
	r, err := parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-End: 1\r\n\r\n")
	if err != nil || !r.IsHop([]byte("x-hop")) || r.IsHop([]byte("X-End")) {
		t.Errorf("X-Hop %v, X-End %v, %v", r.IsHop([]byte("x-hop")), r.IsHop([]byte("X-End")), err)
	}
}

func TestHeadEndFindsTheSameInPieces(t *testing.T) {
	t.Parallel()
	const head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	for cut := range len(head) {
		if n, err := HeadEnd([]byte(head[:cut]), 0, true); n != 0 || err != nil {
			t.Errorf("after %d bytes: %d, %v", cut, n, err)
		}
		if n, err := HeadEnd([]byte(head+"body"), cut, true); n != len(head) || err != nil {
			t.Errorf("going on after %d bytes: %d, %v", cut, n, err)
		}
	}
}
