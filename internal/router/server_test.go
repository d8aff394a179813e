package router

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// ask sends raw bytes on a connection of its own and returns all that comes back.
func (f *fixture) ask(request string) string {
	f.t.Helper()
	conn := f.connect()
	fmt.Fprint(conn, request)
	answer, err := io.ReadAll(conn)
	if err != nil {
		f.t.Errorf("%.60q: %v after %q", request, err, answer)
	}
	return string(answer)
}

// onlyServer skips tests of what Server does itself in the run with net/http.
func onlyServer(t *testing.T) {
	t.Helper()
	if plainHTTP {
		t.Skip("this is about Server, and the run with net/http does not use it")
	}
}

func TestSmugglingIsRefusedAndReachesNoInstance(t *testing.T) {
	onlyServer(t)
	f := newFixture(t, Options{}, Route{State: Serving})
	var hits atomic.Int64
	f.backend("a", func(_ http.ResponseWriter, r *http.Request) { hits.Add(1); _, _ = io.Copy(io.Discard, r.Body) })
	host := "Host: " + testHost + "\r\n"
	for reason, tc := range map[string]struct{ request, want string }{
		"length and coding":      {"POST / HTTP/1.1\r\n" + host + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", "400"},
		"two lengths":            {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", "400"},
		"folded header":          {"GET / HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n", "400"},
		"bare LF":                {"GET / HTTP/1.1\n" + host + "\n", "400"},
		"space before the colon": {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400"},
		"obscured coding":        {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "501"},
		"header that injects":    {"GET / HTTP/1.1\r\n" + host + "X: a\rY: b\r\n\r\n", "400"},
		"two Hosts":              {"GET / HTTP/1.1\r\n" + host + "Host: b\r\n\r\n", "400"},
		"no Host":                {"GET / HTTP/1.1\r\n\r\n", "400"},
		"another HTTP/2 preface": {"PRI * HTTP/2.0\r\nX: y\r\n\r\nSM\r\n\r\n", "505"},
		"CONNECT":                {"CONNECT a:1 HTTP/1.1\r\n" + host + "\r\n", "501"},
	} {
		answer := f.ask(tc.request + "GET /next HTTP/1.1\r\n" + host + "\r\n")
		if !strings.HasPrefix(answer, "HTTP/1.1 "+tc.want) || !strings.Contains(answer, "Connection: close\r\n") || strings.Count(answer, "HTTP/1.1 ") != 1 {
			t.Errorf("%s: answered %q, want one %s and the end of the connection", reason, answer, tc.want)
		}
	}
	if hits.Load() != 0 {
		t.Errorf("%d requests reached the instance", hits.Load())
	}
}

func TestHeaderLimits(t *testing.T) {
	onlyServer(t)
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, fmt.Sprint(len(r.Header.Get("X"))))
	})
	head := "GET / HTTP/1.1\r\nHost: " + testHost + "\r\nConnection: close\r\nX: "
	if got := f.ask(head + strings.Repeat("a", 60<<10) + "\r\n\r\n"); !strings.HasSuffix(got, "61440") {
		t.Errorf("a header of 60 KB: %.200q", got)
	}
	if got := f.ask(head + strings.Repeat("a", 70<<10)); !strings.HasPrefix(got, "HTTP/1.1 431 ") {
		t.Errorf("a header of 70 KB: %.200q", got)
	}
}

func TestRequestsInPieces(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	conn := f.connect()
	in := bufio.NewReader(conn)
	for range 2 {
		for _, b := range []byte("POST / HTTP/1.1\r\nHost: " + testHost + "\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-T: 1\r\n\r\n") {
			_, _ = conn.Write([]byte{b})
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(res.Body); string(body) != "abcde" {
			t.Errorf("got %q", body)
		}
	}
}

func TestPipelinedBodies(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	})
	conn := f.connect()
	head := "POST / HTTP/1.1\r\nHost: " + testHost + "\r\n"
	big := strings.Repeat("x", 100<<10)
	fmt.Fprint(conn, head+"Content-Length: 3\r\n\r\none"+head+"Transfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"+
		head+"Content-Length: 0\r\n\r\n"+head+fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(big), big)+head+"Content-Length: 4\r\n\r\nlast")
	in := bufio.NewReader(conn)
	for _, want := range []string{"one", "two", "", big, "last"} {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(res.Body); string(body) != want || err != nil {
			t.Errorf("got %.20q of %d bytes, %v; want %.20q", body, len(body), err, want)
		}
	}
}

func TestHTTP10(t *testing.T) {
	onlyServer(t)
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "one ")
		if r.URL.Path == "/stream" {
			w.(http.Flusher).Flush()
		}
		_, _ = io.WriteString(w, "two")
	})
	head := " HTTP/1.0\r\nHost: " + testHost + "\r\n"
	got := f.ask("GET /stream" + head + "\r\n")
	if !strings.HasSuffix(got, "\r\n\r\none two") || strings.Contains(got, "chunked") || !strings.Contains(got, "Connection: close\r\n") {
		t.Errorf("a stream came as %q, want it until the end of the connection", got)
	}
	got = f.ask("GET /" + head + "Connection: keep-alive\r\n\r\nGET /" + head + "\r\n")
	if strings.Count(got, "one two") != 2 || strings.Count(got, "Connection: keep-alive\r\n") != 1 {
		t.Errorf("two requests on a connection that is kept: %q", got)
	}
}

func TestTornResponseToHTTP10IsABrokenConnection(t *testing.T) {
	onlyServer(t)
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "part")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	conn := f.connect()
	fmt.Fprintf(conn, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", testHost)
	if answer, err := io.ReadAll(conn); err == nil {
		t.Errorf("the torn response %q looks whole", answer)
	}
}

func TestClientThatClosesItsSideIsTakenForGone(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	arrived, ended := make(chan struct{}), make(chan struct{})
	f.backend("a", func(_ http.ResponseWriter, r *http.Request) { close(arrived); <-r.Context().Done(); close(ended) })
	conn := f.connect()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", testHost)
	<-arrived
	closeWrite(conn)
	<-ended
	eventually(t, "the request is over", func() bool { return f.stats().Service.Status[0] == 1 })
}

func TestClientThatLeavesAStreamEndsIt(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	ended := make(chan struct{})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "data: 1\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done() // silent: only the connection can tell
		close(ended)
	})
	conn := f.connect()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", testHost)
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	<-ended
	eventually(t, "the instance is free", func() bool { return f.stats().InFlight == 0 })
	if got := f.seen.failures(); len(got) != 0 {
		t.Errorf("instances %v were blamed", got)
	}
}

func TestEarlyResponseToALongBody(t *testing.T) {
	onlyServer(t)
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusRequestEntityTooLarge) })
	conn := f.connect()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 100000000\r\n\r\npart", testHost)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Fatalf("got %v, %v; want the 413 while the body is still to come", res, err)
	}
	eventually(t, "the instance is free", func() bool { return f.stats().InFlight == 0 })
}

func TestContinueThatNobodyAnswersComesAfterAWhile(t *testing.T) {
	onlyServer(t)
	f := newFixture(t, Options{}, Route{State: Serving})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() { // an application that knows nothing of Expect
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, _ := io.ReadAll(req.Body)
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}()
	f.add("a", l.Addr().(*net.TCPAddr).AddrPort())
	conn := f.connect()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n", testHost)
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	_, _ = in.ReadString('\n')
	fmt.Fprint(conn, "body")
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(res.Body); string(body) != "body" {
		t.Errorf("got %q", body)
	}
}

func TestIdleConnectionThatTheInstanceClosed(t *testing.T) {
	onlyServer(t)
	f := newFixture(t, Options{}, Route{State: Serving})
	s := httptest.NewUnstartedServer(reply("ok"))
	s.Config.IdleTimeout = 20 * time.Millisecond // far below ours
	s.Start()
	t.Cleanup(s.Close)
	f.add("a", addressOf(s))
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodGet, http.MethodPost} {
		if res, _ := f.do(f.request(t.Context(), method, "/", strings.NewReader("x"))); res.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", method, res.StatusCode)
		}
		time.Sleep(40 * time.Millisecond)
	}
	if got := f.seen.failures(); len(got) != 0 {
		t.Errorf("instances %v were blamed for closing idle connections", got)
	}
}

func TestUpgradeThatWasNotAskedFor(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: evil\r\n\r\n")
	})
	if res, _ := f.get("/"); res.StatusCode != http.StatusBadGateway {
		t.Errorf("got %d, want 502", res.StatusCode)
	}
}

func TestWebSocketHalfClose(t *testing.T) {
	onlyServer(t)
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, _ *http.Request) {
		conn, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		all, _ := io.ReadAll(buf) // answers when the client has said everything
		fmt.Fprintf(conn, "%d bytes", len(all))
	})
	conn, in := f.upgrade()
	fmt.Fprint(conn, strings.Repeat("x", 1<<20))
	closeWrite(conn)
	if got, err := io.ReadAll(in); string(got) != "1048576 bytes" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// serveTLS serves the router with TLS as the daemon does, and returns its address and a client.
func serveTLS(t *testing.T, r *Router, protocols ...string) (string, *tls.Config) {
	t.Helper()
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	t.Cleanup(certified.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(r, ServerOptions{TLS: &tls.Config{Certificates: certified.TLS.Certificates, NextProtos: protocols}})
	var served sync.WaitGroup
	served.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() { _ = s.Close(); served.Wait() })
	roots := certified.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return l.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "example.com"}
}

func TestTLS(t *testing.T) {
	onlyServer(t)
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			echoUpgrade(w, r)
			return
		}
		_, _ = io.WriteString(w, r.Header.Get("X-Forwarded-Proto")+" ")
		_, _ = io.Copy(w, r.Body)
	})
	address, config := serveTLS(t, f.router, "h2", "http/1.1")
	for _, version := range []int{1, 2} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config.Clone(), ForceAttemptHTTP2: version == 2}}
		for _, size := range []int{0, 10, 1 << 20} {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+address, strings.NewReader(strings.Repeat("x", size)))
			req.Host = testHost
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || res.ProtoMajor != version || len(body) != len("https ")+size || !strings.HasPrefix(string(body), "https ") {
				t.Errorf("HTTP/%d with %d bytes: %s, %.20q of %d, %v", version, size, res.Proto, body, len(body), err)
			}
		}
		client.CloseIdleConnections()
	}
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\nhello\n", testHost)
	in := bufio.NewReader(conn)
	if res, err := http.ReadResponse(in, nil); err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("upgrade: %v, %v", res, err)
	}
	if got, err := in.ReadString('\n'); got != "hello\n" {
		t.Errorf("the WebSocket said %q, %v", got, err)
	}
	plain, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	fmt.Fprint(plain, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if got, _ := io.ReadAll(plain); !strings.HasPrefix(string(got), "HTTP/1.1 400 ") {
		t.Errorf("plain HTTP is told %q", got)
	}
}

// start serves the router with options, and returns the server, its address and what waits for its end.
func startServer(t *testing.T, r *Router, o ServerOptions) (*Server, string, func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(r, o)
	var served sync.WaitGroup
	served.Go(func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(func() { _ = s.Close(); served.Wait() })
	return s, l.Addr().String(), served.Wait
}

func TestDivertedConnections(t *testing.T) {
	onlyServer(t)
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", reply("application"))
	_, address, _ := startServer(t, f.router, ServerOptions{
		Divert:  func(host string) bool { return host == "secured.example" },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "diverted "+r.Host+r.URL.Path) }),
	})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\n\r\nGET %sx HTTP/1.1\r\nHost: %s\r\n\r\nGET /y HTTP/1.1\r\nHost: secured.example\r\n\r\n", testHost, challengePath, testHost)
	in := bufio.NewReader(conn)
	for _, want := range []string{"application", "diverted " + testHost + challengePath + "x", "diverted secured.example/y"} {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(res.Body); string(body) != want {
			t.Errorf("got %q, want %q", body, want)
		}
	}
}

func TestShutdownLetsRequestsEnd(t *testing.T) {
	onlyServer(t)
	f := newFixture(t, Options{}, Route{State: Serving})
	arrived, proceed := make(chan struct{}), make(chan struct{})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			echoUpgrade(w, r)
			return
		}
		close(arrived)
		<-proceed
		_, _ = io.WriteString(w, "whole")
	})
	s, address, wait := startServer(t, f.router, ServerOptions{})
	open := func(request string) *bufio.Reader {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprint(conn, request)
		return bufio.NewReader(conn)
	}
	unused := open("")
	tunnel := open("GET / HTTP/1.1\r\nHost: " + testHost + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n")
	if res, err := http.ReadResponse(tunnel, nil); err != nil || res.StatusCode != 101 {
		t.Fatal(res, err)
	}
	working := open("GET / HTTP/1.1\r\nHost: " + testHost + "\r\n\r\n")
	<-arrived
	ended := make(chan error, 1)
	go func() { ended <- s.Shutdown(t.Context()) }()
	if _, err := unused.ReadByte(); err != io.EOF {
		t.Errorf("a connection without a request: %v, want that it ends", err)
	}
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("a connection is still accepted")
	}
	select {
	case <-ended:
		t.Error("the shutdown did not wait for a request")
	case <-time.After(20 * time.Millisecond):
	}
	close(proceed)
	res, err := http.ReadResponse(working, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(res.Body); string(body) != "whole" {
		t.Errorf("got %q", body)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	wait()
	if _, err := tunnel.ReadByte(); err == nil {
		t.Error("the WebSocket is still open")
	}
}

func TestShutdownThatIsNotWaitedFor(t *testing.T) {
	onlyServer(t)
	f := newFixture(t, Options{}, Route{State: Serving})
	arrived := make(chan struct{})
	f.backend("a", func(_ http.ResponseWriter, r *http.Request) { close(arrived); <-r.Context().Done() })
	s, address, wait := startServer(t, f.router, ServerOptions{})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", testHost)
	<-arrived
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("shutdown: %v", err)
	}
	_ = s.Close()
	wait()
}

func TestHeadOverKeptConnection(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "body") })
	head := " / HTTP/1.1\r\nHost: " + testHost + "\r\n"
	got := f.ask("HEAD" + head + "\r\nHEAD" + head + "\r\nGET" + head + "Connection: close\r\n\r\n")
	if strings.Count(got, "Content-Length: 4\r\n") != 3 || strings.Count(got, "body") != 1 {
		t.Errorf("got %q", got)
	}
}

// TestSlowClientsAreNotWaitedFor is about those that open connections to hold them.
func TestSlowClientsAreNotWaitedFor(t *testing.T) {
	onlyServer(t)
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", reply("ok"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(f.router, ServerOptions{})
	s.header, s.idle = 100*time.Millisecond, 300*time.Millisecond
	var served sync.WaitGroup
	served.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() { _ = s.Close(); served.Wait() })
	whole := "GET / HTTP/1.1\r\nHost: " + testHost + "\r\n\r\n"
	for reason, tc := range map[string]struct {
		first string        // sent at once
		drip  bool          // sends a byte now and then
		want  string        // how the last answer begins
		least time.Duration // after which it ends
	}{
		"no request":                 {least: s.header},
		"half a header":              {first: whole[:20], want: "HTTP/1.1 408 ", least: s.header},
		"a byte now and then":        {first: "GET / HTTP/1.1\r\nX: ", drip: true, want: "HTTP/1.1 408 ", least: s.header},
		"no second request":          {first: whole, want: "HTTP/1.1 200 ", least: s.idle},
		"half of the second request": {first: whole + whole[:20], want: "HTTP/1.1 408 ", least: s.header},
	} {
		t.Run(reason, func(t *testing.T) {
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			began := time.Now()
			fmt.Fprint(conn, tc.first)
			if tc.drip {
				stop := make(chan struct{})
				defer close(stop)
				go func() {
					for {
						select {
						case <-stop:
							return
						case <-time.After(10 * time.Millisecond):
							_, _ = conn.Write([]byte("x"))
						}
					}
				}()
			}
			_ = conn.SetReadDeadline(began.Add(10 * time.Second))
			answer, _ := io.ReadAll(conn)
			took := time.Since(began)
			last := string(answer)
			if at := strings.LastIndex(last, "HTTP/1.1 "); at > 0 {
				last = last[at:]
			}
			if !strings.HasPrefix(last, tc.want) || took < tc.least || took > 5*time.Second {
				t.Errorf("ended after %s with %q", took, last)
			}
		})
	}
}
