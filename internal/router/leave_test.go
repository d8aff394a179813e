package router

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Each connection may have one more request, whose response tells that it ends; a new one goes to whoever
// else has the listener.
func TestLeave(t *testing.T) {
	onlyServer(t)
	f := newFixture(t, Options{}, Route{State: Serving})
	arrived, proceed := make(chan struct{}), make(chan struct{})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Upgrade") != "":
			echoUpgrade(w, r)
		case r.URL.Path == "/slow":
			close(arrived)
			<-proceed
			fallthrough
		default:
			_, _ = io.WriteString(w, "whole")
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	next, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	_ = file.Close()
	s := NewServer(f.router, ServerOptions{})
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()

	open := func(request string) (net.Conn, *bufio.Reader) {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprint(conn, request)
		return conn, bufio.NewReader(conn)
	}
	answer := func(what string, in *bufio.Reader, ends bool) {
		t.Helper()
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if body, err := io.ReadAll(res.Body); string(body) != "whole" || err != nil || res.Close != ends {
			t.Errorf("%s: %q, %v, tells the end: %v, want %v", what, body, err, res.Close, ends)
		}
	}
	get := "GET / HTTP/1.1\r\nHost: " + testHost + "\r\n\r\n"
	kept, keptIn := open(get)
	answer("before", keptIn, false)
	slow, slowIn := open(strings.Replace(get, "/", "/slow", 1))
	<-arrived
	tunnel, tunnelIn := open("GET / HTTP/1.1\r\nHost: " + testHost + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n")
	if res, err := http.ReadResponse(tunnelIn, nil); err != nil || res.StatusCode != 101 {
		t.Fatal(res, err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Leave(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with connections left: %v", err)
	}
	left := make(chan error, 1)
	go func() { left <- s.Leave(t.Context()) }()

	later, _ := open(get)
	elsewhere, err := next.Accept()
	if err != nil || elsewhere.RemoteAddr().String() != later.LocalAddr().String() {
		t.Errorf("a later connection: %v, %v", elsewhere, err)
	}
	fmt.Fprint(kept, get)
	answer("one more request", keptIn, true)
	if _, err := keptIn.ReadByte(); err != io.EOF {
		t.Errorf("after it: %v, want the end", err)
	}
	close(proceed)
	answer("a request that was under way", slowIn, false) // its head was promised before
	fmt.Fprint(slow, get)
	answer("the one after it", slowIn, true)
	fmt.Fprint(tunnel, "ping")
	echo := make([]byte, 4)
	if _, err := io.ReadFull(tunnelIn, echo); err != nil || string(echo) != "ping" {
		t.Errorf("a WebSocket: %q, %v", echo, err)
	}
	select {
	case err := <-left:
		t.Fatalf("it left while there was a WebSocket: %v", err)
	case <-time.After(3 * leavePoll):
	}
	_ = tunnel.Close()
	if err := <-left; err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

// A drain that is given up leaves the requests to who drains next.
func TestDrainThatIsGivenUp(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	arrived, proceed := make(chan struct{}), make(chan struct{})
	f.backend("a", func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-proceed
		_, _ = io.WriteString(w, "whole")
	})
	answers := make(chan string, 1)
	go func() { _, body := f.get("/"); answers <- body }()
	<-arrived
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.router.Drain(ctx, "svc", "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("drain: %v", err)
	}
	close(proceed)
	if body := <-answers; body != "whole" {
		t.Errorf("the request in flight was answered %q", body)
	}
	if err := f.router.Drain(t.Context(), "svc", "a"); err != nil {
		t.Error(err)
	}
}
