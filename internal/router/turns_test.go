package router

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// No request waits that came while another one was answered, be it plain or not, whole or in pieces.
func TestRequestsThatDoNotWaitForAnswers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %d %d", r.URL.Path, len(r.Header.Get("X-Long")), len(body))
	})
	const requests = 1500
	long := func(i int) int { return i % 7 * 900 }
	conn := f.connect()
	go func() {
		seed := rand.New(rand.NewPCG(1, 2)) // the same pieces in every run
		for i := range requests {
			text := fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: %s\r\nX-Long: %s\r\n\r\n", i, testHost, strings.Repeat("x", long(i)))
			if i%3 == 0 {
				text = fmt.Sprintf("POST /%d HTTP/1.1\r\nHost: %s\r\nX-Long: %s\r\nContent-Length: %d\r\n\r\n%s", i, testHost, strings.Repeat("x", long(i)), i, strings.Repeat("b", i))
			}
			for len(text) > 0 {
				n := min(len(text), 1+seed.IntN(2*len(text)))
				if _, err := io.WriteString(conn, text[:n]); err != nil {
					return
				}
				text = text[n:]
				time.Sleep(time.Duration(seed.IntN(200)) * time.Microsecond)
			}
		}
	}()
	answers := bufio.NewReader(conn)
	for i := range requests {
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		res, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		got, err := io.ReadAll(res.Body)
		body := 0
		if i%3 == 0 {
			body = i
		}
		if want := fmt.Sprintf("/%d %d %d", i, long(i), body); string(got) != want || err != nil {
			t.Fatalf("request %d: %q, %v; want %q", i, got, err, want)
		}
	}
}

// A connection ends with its client's side, whenever that comes: with a request, while it is answered or after.
// Many come at once, so that some find both the request and the end at their first look.
func TestEndOfTheClientsSideIsNoticed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	for round := range 5 {
		clients := make([]net.Conn, 60)
		for i := range clients {
			clients[i] = f.connect()
		}
		for i, conn := range clients {
			fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", testHost)
			if i%3 == 2 {
				time.Sleep(time.Duration(i*round) * 5 * time.Microsecond)
			}
			closeWrite(conn)
		}
		for i, conn := range clients {
			if _, err := io.ReadAll(conn); err != nil {
				t.Fatalf("round %d, connection %d: %v", round, i, err)
			}
			_ = conn.Close()
		}
	}
}

// The same when the end came together with a request, so that only watch tells of it: while the next request
// is waited for, or just before.
func TestEndThatCameWithTheRequest(t *testing.T) {
	onlyServer(t)
	t.Parallel()
	for _, before := range []bool{false, true} {
		var c *conn
		tracing := &Tracing{Share: 1, Span: func(*Span) {
			if before {
				c.hungUp()
			}
		}}
		f := newFixture(t, Options{Tracing: tracing}, Route{State: Serving})
		f.backend("a", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
		var client net.Conn
		client, c = unwatched(t, f.router)
		ended := make(chan struct{})
		go func() { defer close(ended); c.serve() }()
		if _, err := http.ReadResponse(bufio.NewReader(client), nil); err != nil {
			t.Fatal(err)
		}
		if !before {
			time.Sleep(10 * time.Millisecond)
			c.hungUp()
		}
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Errorf("told before it waited: %v; the connection did not end", before)
			c.stop()
		}
	}
}

// unwatched is a connection whose client sent a request and closed its side, and which nobody watches.
func unwatched(t *testing.T, r *Router) (client net.Conn, c *conn) {
	t.Helper()
	s := NewServer(r, ServerOptions{})
	s.watch = &watch{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	socket, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(client, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", testHost)
	closeWrite(client)
	time.Sleep(10 * time.Millisecond) // both arrive
	return client, newConn(s, socket, socket, "http")
}
