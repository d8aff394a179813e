package router

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// refusing returns an address at which nobody listens.
func refusing(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return netip.MustParseAddrPort(l.Addr().String())
}

// resetting answers no request but breaks the connection off.
func resetting(hits *atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	}
}

func TestRefusedConnectionIsRetriedElsewhere(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.add("dead", refusing(t))
	f.backend("alive", func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	for i := range 4 {
		for name, body := range map[string]io.Reader{
			"no body": nil, "body": strings.NewReader("body"), "stream": io.MultiReader(strings.NewReader("body")),
		} {
			if res, _ := f.do(f.request(t.Context(), http.MethodPost, "/", body)); res.StatusCode != http.StatusOK {
				t.Errorf("request %d with %s: status %d", i, name, res.StatusCode)
			}
		}
	}
	if failed := f.seen.failures(); len(failed) == 0 || failed[0] != "dead" {
		t.Errorf("blamed %v, want dead", failed)
	} else if len(failed) > 3 {
		t.Errorf("the dead instance was tried %d times by 12 requests: it was not set aside", len(failed))
	}
}

func TestRefusedWithoutAnotherInstanceWaitsForOne(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.add("dead", refusing(t))
	go func() {
		eventually(t, "the instance is blamed", func() bool { return len(f.seen.failures()) > 0 })
		f.router.RemoveInstance("svc", "dead")
		f.backend("next", reply("ok"))
	}()
	if res, body := f.get("/"); body != "ok" {
		t.Errorf("got %d %q from the replacement", res.StatusCode, body)
	}
}

func TestBrokenOffRequestIsRetriedOnlyWhenSafe(t *testing.T) {
	for name, tc := range map[string]struct {
		method string
		header string
		body   string
		stream bool // the body's length is not known
		want   int
	}{
		"GET":                          {method: http.MethodGet, want: 200},
		"DELETE":                       {method: http.MethodDelete, want: 200},
		"POST may have had its effect": {method: http.MethodPost, body: "x", want: 502},
		"POST without body too":        {method: http.MethodPost, want: 502},
		"POST that says it is safe":    {method: http.MethodPost, header: "Idempotency-Key", want: 200},
		"PUT whose body is at hand":    {method: http.MethodPut, body: "x", want: 200},
		"PUT whose body is used up":    {method: http.MethodPut, body: "x", stream: true, want: 502},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, Options{}, Route{State: Serving})
			var hits atomic.Int64
			f.backend("bad", resetting(&hits)) // the first in turn
			f.backend("good", reply("ok"))
			var content io.Reader = strings.NewReader(tc.body)
			if tc.stream {
				content = io.MultiReader(content)
			}
			req := f.request(t.Context(), tc.method, "/", content)
			if tc.header != "" {
				req.Header.Set(tc.header, "k")
			}
			res, body := f.do(req)
			if res.StatusCode != tc.want || hits.Load() == 0 {
				t.Errorf("got %d %q after %d hits, want %d", res.StatusCode, body, hits.Load(), tc.want)
			}
			if failed := f.seen.failures(); len(failed) == 0 || failed[0] != "bad" {
				t.Errorf("blamed %v, want bad", failed)
			}
		})
	}
}

func TestRequestThatKillsInstancesIsGivenUp(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	var hits atomic.Int64
	for i := range 9 {
		f.backend(fmt.Sprint(i), resetting(&hits))
	}
	res, body := f.get("/")
	if res.StatusCode != http.StatusBadGateway || !strings.Contains(body, "closed the connection") {
		t.Errorf("got %d %q", res.StatusCode, body)
	}
	// net/http's own pool retries a request only on connections that were used before.
	if hits.Load() != 1+maxResets {
		t.Errorf("%d instances were hit, want %d", hits.Load(), 1+maxResets)
	}
}

func TestRemovedInstanceHandsItsRequestsOn(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	arrived := make(chan struct{})
	f.backend("dying", func(_ http.ResponseWriter, r *http.Request) { close(arrived); <-r.Context().Done() })
	go func() {
		<-arrived
		f.backend("next", reply("ok"))
		f.router.RemoveInstance("svc", "dying")
	}()
	if res, body := f.get("/"); body != "ok" {
		t.Errorf("got %d %q, want the answer of the next instance", res.StatusCode, body)
	}
}

func TestFailuresHavePagesThatLeakNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		options Options
		handler http.HandlerFunc // nil: nobody listens
		status  int
		text    string
	}{
		"refused": {options: Options{QueueWait: 20 * time.Millisecond}, status: 502, text: "does not listen"},
		"connect timeout": {
			options: Options{QueueWait: time.Nanosecond, Dial: func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Err: context.DeadlineExceeded}
			}},
			status: 504, text: "in time",
		},
		"not HTTP": {
			handler: func(w http.ResponseWriter, _ *http.Request) {
				conn, _, _ := http.NewResponseController(w).Hijack()
				fmt.Fprint(conn, "SSH-2.0-OpenSSH\r\n\r\n")
				conn.Close()
			},
			status: 502, text: "not valid HTTP",
		},
		"too slow": {
			options: Options{RequestLimit: 50 * time.Millisecond},
			handler: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			status:  504, text: "time limit",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, tc.options, Route{State: Serving})
			address := refusing(t)
			if tc.handler != nil {
				address = addressOf(f.backend("a", tc.handler))
			} else {
				f.add("a", address)
			}
			res, body := f.get("/")
			if res.StatusCode != tc.status || !strings.Contains(body, tc.text) {
				t.Errorf("got %d %q, want %d with %q", res.StatusCode, body, tc.status, tc.text)
			}
			for _, internal := range []string{"127.0.0.1", fmt.Sprint(address.Port()), "dial", "svc"} {
				if strings.Contains(body, internal) {
					t.Errorf("page leaks %q: %s", internal, body)
				}
			}
		})
	}
}

func TestRequestLimitFreesAHandlerThatAClientHolds(t *testing.T) {
	for name, tc := range map[string]struct{ head, want string }{
		"body never ends":   {head: "POST / HTTP/1.1\r\nHost: " + testHost + "\r\nContent-Length: 1000000\r\n\r\npart", want: "504"},
		"response not read": {head: "GET /big HTTP/1.1\r\nHost: " + testHost + "\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, Options{RequestLimit: 100 * time.Millisecond}, Route{State: Serving})
			f.backend("a", func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/big" {
					_, _ = io.Copy(w, io.LimitReader(zeros{}, 1<<30))
				}
				_, _ = io.Copy(io.Discard, r.Body)
			})
			conn := f.connect()
			fmt.Fprint(conn, tc.head)
			if tc.want != "" {
				head := make([]byte, 12)
				if _, err := io.ReadFull(conn, head); err != nil || !strings.HasSuffix(string(head), tc.want) {
					t.Errorf("got %q, %v; want a %s", head, err, tc.want)
				}
			}
			eventually(t, "the request has ended", func() bool { return f.stats().Service.Requests == 1 })
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestBodyThatBreaksOffIsNotTheInstancesFault(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	conn := f.connect()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk\r\n", testHost)
	answer := make([]byte, 12)
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "HTTP/1.1 400" {
		t.Errorf("got %q, %v; want 400", answer, err)
	}
	if failed := f.seen.failures(); len(failed) != 0 {
		t.Errorf("instances %v were blamed", failed)
	}
}

func TestDrain(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	arrived, proceed := make(chan struct{}, 1), make(chan struct{})
	f.backend("old", func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-proceed:
			_, _ = io.WriteString(w, "old")
		case <-r.Context().Done():
		}
	})
	answers := make(chan string, 1)
	ask := func() { _, body := f.get("/"); answers <- body }

	go ask()
	<-arrived
	drained := make(chan error, 1)
	go func() { drained <- f.router.Drain(t.Context(), "svc", "old") }()
	eventually(t, "the instance drains", func() bool { return f.stats().Instances["old"].Draining })
	f.backend("new", reply("new"))
	if _, body := f.get("/"); body != "new" {
		t.Errorf("a draining instance got a request: %q", body)
	}
	close(proceed)
	if body, err := <-answers, <-drained; body != "old" || err != nil {
		t.Errorf("request in flight answered %q, drain: %v", body, err)
	}
	if err := f.router.Drain(t.Context(), "svc", "old"); err != nil {
		t.Errorf("draining again: %v", err)
	}
}

func TestDrainCutsAtItsDeadline(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	arrived := make(chan struct{})
	f.backend("old", func(_ http.ResponseWriter, r *http.Request) { close(arrived); <-r.Context().Done() })
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("grace period of 30 s is over")
	go func() { <-arrived; cancel(why) }()
	drained := make(chan error, 1)
	go func() { <-arrived; drained <- f.router.Drain(ctx, "svc", "old") }()
	res, body := f.get("/")
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || !strings.Contains(body, "updated") {
		t.Errorf("got %d %q, want a 503 that says why", res.StatusCode, body)
	}
	if err := <-drained; !errors.Is(err, why) || !strings.Contains(err.Error(), "1 requests") {
		t.Errorf("drain: %v", err)
	}
}

// TestInstancesKilledUnderLoadLoseNothing kills instances as a crash does: first they refuse and
// reset connections, then the owner notices, removes them and adds others.
func TestInstancesKilledUnderLoadLoseNothing(t *testing.T) {
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	f := newFixture(t, Options{Log: log}, Route{State: Serving, MaxConcurrency: 8})
	f.backend("steady", reply("ok"))
	const clients, each = 8, 150
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var load sync.WaitGroup
	for range clients {
		load.Go(func() {
			for range each {
				res, err := client.Do(f.request(t.Context(), http.MethodGet, "/", nil))
				if err != nil {
					t.Errorf("request failed: %v", err)
					return
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || res.StatusCode != http.StatusOK {
					t.Errorf("got %d %q, %v", res.StatusCode, body, err)
				}
			}
		})
	}
	loaded := make(chan struct{})
	go func() { load.Wait(); close(loaded) }()
	killed, done := 0, false
	await := func(id string, requests int64) {
		for !done && f.stats().Instances[id].Tally.Requests < requests {
			select {
			case <-loaded:
				done = true
			case <-time.After(time.Millisecond):
			}
		}
	}
	for ; !done; killed++ {
		id := fmt.Sprint("victim-", killed)
		s := httptest.NewServer(reply("ok"))
		f.add(id, addressOf(s))
		await(id, 10)
		_ = s.Listener.Close()
		s.CloseClientConnections()
		f.router.RemoveInstance("svc", id)
		s.Close()
		// A request that meets three dying instances in a row is given up: those under way go elsewhere first.
		await("steady", f.stats().Instances["steady"].Tally.Requests+clients)
	}
	<-loaded
	t.Logf("%d requests over %d killed instances", clients*each, killed)
}

func TestRemovedServiceAnswersThoseInFlight(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	arrived := make(chan struct{})
	f.backend("a", func(_ http.ResponseWriter, r *http.Request) { close(arrived); <-r.Context().Done() })
	go func() { <-arrived; f.router.RemoveService("svc") }()
	res, body := f.get("/")
	if res.StatusCode != http.StatusNotFound || !strings.Contains(body, "deleted") {
		t.Errorf("got %d %q, want a 404 that says the service was deleted", res.StatusCode, body)
	}
}

func TestHTTP2Client(t *testing.T) {
	f := newFixture(t, Options{RequestLimit: 200 * time.Millisecond}, Route{State: Serving})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			_, _ = io.Copy(io.Discard, r.Body) // only then is it told that the other side left
			<-r.Context().Done()
			return
		}
		_, _ = io.WriteString(w, r.Proto+" "+r.Header.Get("X-Forwarded-Proto")+" ")
		_, _ = io.Copy(w, r.Body)
	})
	front := httptest.NewUnstartedServer(f.router)
	front.EnableHTTP2 = true
	front.StartTLS()
	t.Cleanup(front.Close)
	for path, want := range map[string]string{"/": "HTTP/1.1 https body", "/slow": "504"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, front.URL+path, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = testHost
		res, err := front.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.ProtoMajor != 2 || !strings.HasPrefix(string(body), want) {
			t.Errorf("%s: got %s %q, %v; want %q", path, res.Proto, body, err, want)
		}
	}
}

// deadlines is a response writer that remembers its deadlines.
type deadlines struct {
	http.ResponseWriter
	read, write time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error  { d.read = t; return nil }
func (d *deadlines) SetWriteDeadline(t time.Time) error { d.write = t; return nil }

func TestWholeResponseGivesItsConnectionBackWithoutDeadlines(t *testing.T) {
	r := New(Options{})
	s := r.newService("svc", "hello")
	s.route.Store(&Route{ServiceID: "svc"})
	d := &deadlines{ResponseWriter: httptest.NewRecorder()}
	x := &exchange{router: r, svc: s, w: d, in: httptest.NewRequest(http.MethodGet, "/", nil), status: http.StatusOK}
	x.expire() // in the moment between the end of the response and that of its handler
	if d.read.IsZero() || d.write.IsZero() {
		t.Error("the limit set no deadlines")
	}
	x.finish()
	if !d.read.IsZero() || !d.write.IsZero() {
		t.Errorf("deadlines are left: read %s, write %s", d.read, d.write)
	}
	x.expire() // comes late
	if !d.read.IsZero() {
		t.Error("a late limit set a deadline on a connection that serves another request")
	}
}
