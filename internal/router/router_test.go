package router

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

const testHost = "abcdefghij.us-east-1.localhost"

// recorder is an Observer that remembers.
type recorder struct {
	mu     sync.Mutex
	failed []string
	demand chan struct{}
}

func newRecorder() *recorder { return &recorder{demand: make(chan struct{}, 100)} }

func (r *recorder) InstanceFailed(_, instance string, _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = append(r.failed, instance)
}

func (r *recorder) Demand(string) {
	select {
	case r.demand <- struct{}{}:
	default:
	}
}

func (r *recorder) Wake(string, string) {}

func (r *recorder) failures() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.failed...)
}

// fixture is a router with one service behind a real server.
type fixture struct {
	t      *testing.T
	router *Router
	server *front
	seen   *recorder
}

func newFixture(t *testing.T, o Options, route Route) *fixture {
	t.Helper()
	f := &fixture{t: t, seen: newRecorder()}
	if o.Observer == nil {
		o.Observer = f.seen
	}
	f.router = New(o)
	route.ServiceID, route.Name, route.Hosts = "svc", "hello", []string{testHost}
	if route.MaxConcurrency == 0 {
		route.MaxConcurrency = 100
	}
	f.set(route)
	f.server = serveFront(t, f.router)
	t.Cleanup(func() {
		f.router.RemoveService("svc") // cuts what a failed test left, so that Close ends
		f.server.Close()
	})
	return f
}

func (f *fixture) set(route Route) {
	f.t.Helper()
	if err := f.router.SetService(route); err != nil {
		f.t.Fatal(err)
	}
}

// backend starts a server and makes it an instance of the service.
func (f *fixture) backend(id string, h http.HandlerFunc) *httptest.Server {
	f.t.Helper()
	s := httptest.NewServer(h)
	f.t.Cleanup(s.Close)
	f.add(id, addressOf(s))
	return s
}

func (f *fixture) add(id string, address netip.AddrPort) {
	f.t.Helper()
	if err := f.router.AddInstance("svc", Instance{ID: id, Address: address, Healthy: true}); err != nil {
		f.t.Fatal(err)
	}
}

func addressOf(s *httptest.Server) netip.AddrPort {
	return netip.MustParseAddrPort(s.Listener.Addr().String())
}

func (f *fixture) request(ctx context.Context, method, path string, body io.Reader) *http.Request {
	f.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, f.server.URL+path, body)
	if err != nil {
		f.t.Fatal(err)
	}
	req.Host = testHost
	return req
}

// do sends a request and returns the response with its whole body.
func (f *fixture) do(req *http.Request) (*http.Response, string) {
	f.t.Helper()
	res, err := f.server.Client().Do(req)
	if err != nil {
		f.t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		f.t.Fatalf("read the response to %s %s: %v", req.Method, req.URL, err)
	}
	return res, string(body)
}

func (f *fixture) get(path string) (*http.Response, string) {
	f.t.Helper()
	return f.do(f.request(f.t.Context(), http.MethodGet, path, nil))
}

// eventually waits for something that another goroutine is about to do.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after 10 s", what)
		}
	}
}

func (f *fixture) stats() Stats {
	s, _ := f.router.Stats("svc")
	return s
}

func reply(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

func TestRequestReachesItsService(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	f.backend("a", reply("hello"))
	for name, host := range map[string]string{
		"as it is":     testHost,
		"with port":    testHost + ":8080",
		"upper case":   strings.ToUpper(testHost),
		"trailing dot": testHost + ".",
		"dot and port": testHost + ".:8080",
	} {
		t.Run(name, func(t *testing.T) {
			req := f.request(t.Context(), http.MethodGet, "/", nil)
			req.Host = host
			res, body := f.do(req)
			if res.StatusCode != http.StatusOK || body != "hello" {
				t.Errorf("host %q: got %d %q, want 200 hello", host, res.StatusCode, body)
			}
		})
	}
}

func TestDeploySwitchUnderLoadLosesNothing(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving, MaxConcurrency: 4})
	backends := make([]Instance, 6)
	for i := range backends {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(w, r.Body)
		}))
		t.Cleanup(s.Close)
		backends[i] = Instance{ID: string(rune('a' + i)), Address: addressOf(s), Healthy: true}
	}
	if _, err := f.router.Switch("svc", backends[:2]); err != nil {
		t.Fatal(err)
	}

	const clients, each = 16, 150
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var load sync.WaitGroup
	for range clients {
		load.Go(func() {
			for range each {
				req := f.request(t.Context(), http.MethodPost, "/", strings.NewReader("ping"))
				res, err := client.Do(req)
				if err != nil {
					t.Errorf("request failed: %v", err)
					return
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || res.StatusCode != http.StatusOK || string(body) != "ping" {
					t.Errorf("got %d %q, %v; want 200 ping", res.StatusCode, body, err)
					return
				}
			}
		})
	}
	loaded := make(chan struct{})
	go func() { load.Wait(); close(loaded) }()
	switches := 0
	for step := 0; ; step++ {
		set := []Instance{backends[step%6], backends[(step+1)%6]}
		gone, err := f.router.Switch("svc", set)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range gone {
			if err := f.router.Drain(t.Context(), "svc", id); err != nil {
				t.Error(err)
			}
		}
		switches++
		select {
		case <-loaded:
			eventually(t, "every request is counted", func() bool { return f.stats().Service.Requests == clients*each })
			t.Logf("%d requests over %d switches", clients*each, switches)
			return
		default:
		}
	}
}
