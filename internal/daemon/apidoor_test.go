package daemon

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What has no end is ended for the next daemon, together with its connection: the client asks again over a new
// one, and does not keep this process. A client that waits between two calls keeps its connection for one more.
func TestStreamEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	next := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "next") }))
	t.Cleanup(next.Close)
	door := newAPIDoor(strings.TrimPrefix(next.URL, "http://"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "own")
		if r.URL.Path == "/follow" {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	}))
	server := httptest.NewServer(door)
	t.Cleanup(server.Close)
	stream, idle := connectTo(t, server), connectTo(t, server)
	follows := stream.get(t, "/follow")
	idle.want(t, "/", "own")

	door.give(t.Context())
	if text, err := io.ReadAll(follows.Body); string(text) != "own" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the stream ends with %q, %v; want one that was broken off", text, err)
	}
	if _, err := stream.in.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the connection of the stream ends with %v, want io.EOF", err)
	}
	if answer := idle.want(t, "/", "next"); !answer.Close {
		t.Error("the answer of the next daemon does not end the connection")
	}
}

// wire is a connection to a server.
type wire struct {
	net.Conn
	in *bufio.Reader
}

func connectTo(t *testing.T, s *httptest.Server) wire {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return wire{conn, bufio.NewReader(conn)}
}

func (w wire) get(t *testing.T, path string) *http.Response {
	t.Helper()
	if _, err := io.WriteString(w, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(w.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func (w wire) want(t *testing.T, path, text string) *http.Response {
	t.Helper()
	answer := w.get(t, path)
	if body, err := io.ReadAll(answer.Body); err != nil || string(body) != text {
		t.Errorf("%s answers %q, %v, want %q", path, body, err, text)
	}
	return answer
}
