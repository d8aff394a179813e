package router

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHeadersThatTheInstanceSees(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	seen := make(chan *http.Request, 1)
	f.backend("a", func(_ http.ResponseWriter, r *http.Request) { seen <- r })
	req := f.request(t.Context(), http.MethodGet, "/a%2Fb/?x=1;y=%zz", nil)
	req.Header.Set("X-Forwarded-For", "6.6.6.6") // nobody vouches for it
	req.Header.Set("Connection", "X-Hop")
	req.Header.Set("X-Hop", "1")
	req.Header.Set("X-End", "1")
	req.Header.Set("User-Agent", "")
	f.do(req)

	got := <-seen
	for _, made := range []string{headerRequestID, headerTraceParent} { // ids_test.go is about them
		if got.Header.Get(made) == "" {
			t.Errorf("there is no %s", made)
		}
		got.Header.Del(made)
	}
	want := http.Header{
		"X-Forwarded-For":   {"127.0.0.1"},
		"X-Forwarded-Proto": {"http"},
		"X-Forwarded-Host":  {testHost},
		"X-End":             {"1"},
		"Accept-Encoding":   {"gzip"}, // of the test's client
	}
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if got.Host != testHost || got.RequestURI != "/a%2Fb/?x=1;y=%zz" {
		t.Errorf("got host %q and target %q", got.Host, got.RequestURI)
	}
}

func TestResponseComesAsItIs(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		w.Header().Set("Connection", "X-Hop")
		w.Header().Set("X-Hop", "1")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "<html>not to be guessed")
	})
	res, _ := f.get("/")
	if res.StatusCode != http.StatusTeapot {
		t.Errorf("status %d, want 418", res.StatusCode)
	}
	if got, ok := res.Header["Content-Type"]; ok {
		t.Errorf("content type %q was made up", got)
	}
	if res.Header.Get("X-Hop") != "" {
		t.Error("a hop-by-hop header came through")
	}
}

func TestHeadHasLengthAndNoBody(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "1234") })
	res, body := f.do(f.request(t.Context(), http.MethodHead, "/", nil))
	if res.ContentLength != 1234 || body != "" {
		t.Errorf("got length %d and body %q, want 1234 and none", res.ContentLength, body)
	}
}

func TestLargeBodiesBothWays(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.Copy(w, r.Body)
	})
	sent := make([]byte, 16<<20)
	_, _ = rand.Read(sent)
	for name, body := range map[string]io.Reader{
		"known length": bytes.NewReader(sent),
		"chunked":      io.MultiReader(bytes.NewReader(sent)),
	} {
		t.Run(name, func(t *testing.T) {
			_, got := f.do(f.request(t.Context(), http.MethodPost, "/", body))
			if sha256.Sum256([]byte(got)) != sha256.Sum256(sent) {
				t.Errorf("%d bytes came back, not the %d sent", len(got), len(sent))
			}
		})
	}
}

func TestRequestBodyIsStreamed(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	got := make(chan string)
	f.backend("a", func(_ http.ResponseWriter, r *http.Request) {
		for lines := bufio.NewScanner(r.Body); lines.Scan(); {
			got <- lines.Text()
		}
	})
	body, feed := io.Pipe()
	done := make(chan struct{})
	go func() { defer close(done); f.do(f.request(t.Context(), http.MethodPost, "/", body)) }()
	for i := range 3 { // each line is sent only after the one before it arrived
		fmt.Fprintf(feed, "line %d\n", i)
		if line := <-got; line != fmt.Sprintf("line %d", i) {
			t.Errorf("got %q", line)
		}
	}
	feed.Close()
	<-done
}

func TestResponsesAreFlushedAtOnce(t *testing.T) {
	for name, kind := range map[string]string{"server-sent events": "text/event-stream", "unknown length": "text/plain"} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, Options{}, Route{State: Serving})
			next := make(chan struct{})
			f.backend("a", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", kind)
				for i := range 3 {
					fmt.Fprintf(w, "data: %d\n", i)
					w.(http.Flusher).Flush()
					select {
					case <-next:
					case <-r.Context().Done():
						return
					}
				}
			})
			res, err := f.server.Client().Do(f.request(t.Context(), http.MethodGet, "/", nil))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			lines := bufio.NewScanner(res.Body)
			for i := range 3 { // the instance goes on only after the line arrived here
				if !lines.Scan() || lines.Text() != fmt.Sprintf("data: %d", i) {
					t.Fatalf("got %q, %v", lines.Text(), lines.Err())
				}
				next <- struct{}{}
			}
		})
	}
}

func TestTrailersBothWays(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.Copy(w, r.Body)
		w.Header().Set("X-Sum", r.Trailer.Get("X-Request-Sum"))
	})
	req := f.request(t.Context(), http.MethodPost, "/", io.MultiReader(strings.NewReader("body")))
	req.Trailer = http.Header{"X-Request-Sum": {"42"}}
	res, _ := f.do(req)
	if got := res.Trailer.Get("X-Sum"); got != "42" {
		t.Errorf("the trailer that went there and back is %q, want 42", got)
	}
}

func TestExpectContinue(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refuse" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.Copy(w, r.Body)
	})
	for path, want := range map[string]string{"/accept": "HTTP/1.1 100 Continue", "/refuse": "HTTP/1.1 403 Forbidden"} {
		t.Run(path, func(t *testing.T) {
			conn := f.connect()
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n", path, testHost)
			answer, err := textproto.NewReader(bufio.NewReader(conn)).ReadLine()
			if err != nil || answer != want {
				t.Errorf("got %q, %v; want %q before any body", answer, err, want)
			}
		})
	}
}

func TestEarlyHints(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		_, _ = io.WriteString(w, "page")
	})
	var hint string
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(_ int, h textproto.MIMEHeader) error { hint = h.Get("Link"); return nil },
	})
	if _, body := f.do(f.request(ctx, http.MethodGet, "/", nil)); body != "page" || hint == "" {
		t.Errorf("got body %q and hint %q", body, hint)
	}
}

// connect opens a plain connection to the router.
func (f *fixture) connect() net.Conn {
	f.t.Helper()
	conn, err := net.Dial("tcp", f.server.Listener.Addr().String())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

// echoUpgrade answers an upgrade and then echoes.
func echoUpgrade(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Sec-WebSocket-Key") == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	_, _ = io.Copy(conn, buf)
}

// upgrade opens a WebSocket through the router.
func (f *fixture) upgrade() (net.Conn, *bufio.Reader) {
	f.t.Helper()
	conn := f.connect()
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n", testHost)
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("Upgrade") != "websocket" {
		f.t.Fatalf("upgrade: %v, %v", res, err)
	}
	return conn, in
}

func TestWebSocket(t *testing.T) {
	f := newFixture(t, Options{RequestLimit: 100 * time.Millisecond}, Route{State: Serving})
	f.backend("a", echoUpgrade)
	conn, in := f.upgrade()
	time.Sleep(150 * time.Millisecond) // outlives the request limit, which is for requests
	for _, message := range []string{"one\n", "two\n"} {
		fmt.Fprint(conn, message)
		if got, err := in.ReadString('\n'); got != message {
			t.Fatalf("got %q, %v; want %q", got, err, message)
		}
	}
	if got := f.stats().InFlight; got != 1 {
		t.Errorf("%d requests in flight while the WebSocket is open, want 1", got)
	}
	conn.Close()
	eventually(t, "the closed WebSocket leaves the instance", func() bool { return f.stats().InFlight == 0 })
}

func TestDrainCutsWebSocketAtItsDeadline(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", echoUpgrade)
	_, in := f.upgrade()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := f.router.Drain(ctx, "svc", "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("drain: %v, want that it took too long", err)
	}
	if _, err := in.ReadByte(); err == nil {
		t.Error("the WebSocket is still open")
	}
	if got := f.stats(); got.InFlight != 0 || len(got.Instances) != 0 {
		t.Errorf("left over: %+v", got)
	}
}

func TestRemovedInstanceEndsItsWebSockets(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", echoUpgrade)
	conn, in := f.upgrade()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	f.router.RemoveInstance("svc", "a")
	if _, err := in.ReadByte(); err == nil || isTimeout(err) {
		t.Errorf("the WebSocket of an instance that is gone: %v, want that it ends", err)
	}
}

func TestClientThatLeavesEndsTheRequestUpstream(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	arrived, ended := make(chan struct{}), make(chan struct{})
	f.backend("a", func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		close(ended)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	if _, err := f.server.Client().Do(f.request(ctx, http.MethodGet, "/", nil)); err == nil {
		t.Error("the request was answered")
	}
	<-ended
	eventually(t, "the request is over", func() bool { return f.stats().Service.Status[0] == 1 })
	if got := f.seen.failures(); len(got) != 0 {
		t.Errorf("instances %v were blamed", got)
	}
}

func TestResponseThatBreaksOffNeverLooksWhole(t *testing.T) {
	for name, head := range map[string]string{
		"chunked":      "Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
		"known length": "Content-Length: 1000\r\n\r\npart",
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, Options{}, Route{State: Serving})
			f.backend("a", func(w http.ResponseWriter, _ *http.Request) {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					return
				}
				fmt.Fprint(conn, "HTTP/1.1 200 OK\r\n"+head)
				conn.Close()
			})
			res, err := f.server.Client().Do(f.request(t.Context(), http.MethodGet, "/", nil))
			if err == nil {
				defer res.Body.Close()
				_, err = io.ReadAll(res.Body)
			}
			if err == nil {
				t.Error("the client took the torn response for a whole one")
			}
			eventually(t, "the instance is blamed", func() bool { return len(f.seen.failures()) == 1 })
		})
	}
}

func TestPipelinedAndKeptConnections(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) })
	conn := f.connect()
	fmt.Fprintf(conn, "GET /1 HTTP/1.1\r\nHost: %s\r\n\r\nGET /2 HTTP/1.1\r\nHost: %s\r\n\r\n", testHost, testHost)
	in := bufio.NewReader(conn)
	for _, want := range []string{"/1", "/2"} {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(res.Body); string(body) != want {
			t.Errorf("got %q, want %q", body, want)
		}
	}
}

func TestInstanceConnectionsAreKeptAndClosed(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	states := make(chan http.ConnState, 100)
	s := httptest.NewUnstartedServer(reply("ok"))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) { states <- state }
	s.Start()
	t.Cleanup(s.Close)
	f.add("a", addressOf(s))
	for range 5 {
		f.get("/")
	}
	opened := 0
	for len(states) > 0 {
		if <-states == http.StateNew {
			opened++
		}
	}
	if opened != 1 {
		t.Errorf("%d connections for 5 requests in a row, want 1", opened)
	}
	f.router.RemoveInstance("svc", "a")
	removed := time.Now()
	for state := range states {
		if state == http.StateClosed {
			break
		}
	}
	if took := time.Since(removed); took > idleConnection/2 {
		t.Errorf("closed after %s, by its own time limit", took)
	}
}
