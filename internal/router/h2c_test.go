package router

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// h2cBackend is backend for an application that speaks nothing but HTTP/2 without TLS.
func (f *fixture) h2cBackend(id string, h http.HandlerFunc) *httptest.Server {
	f.t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	f.t.Cleanup(s.Close)
	f.add(id, addressOf(s))
	return s
}

// h2cClient speaks HTTP/2 by prior knowledge.
func h2cClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestHTTP2WithoutTLS has each of the two versions on each side.
func TestHTTP2WithoutTLS(t *testing.T) {
	onlyServer(t)
	for _, toApplication := range []string{"HTTP/1.1", "HTTP/2.0"} {
		f := newFixture(t, Options{}, Route{State: Serving, H2C: toApplication == "HTTP/2.0"})
		echo := func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).EnableFullDuplex()
			w.Header().Set("Trailer", "X-Sum")
			_, _ = io.WriteString(w, r.Proto+" "+r.Header.Get("X-Forwarded-For")+" ")
			_, _ = io.Copy(w, r.Body)
			w.Header().Set("X-Sum", r.Trailer.Get("X-Request-Sum"))
		}
		if toApplication == "HTTP/2.0" {
			f.h2cBackend("a", echo)
		} else {
			f.backend("a", echo)
		}
		for fromClient, client := range map[string]*http.Client{"HTTP/1.1": f.server.Client(), "HTTP/2.0": h2cClient(t)} {
			for _, size := range []int{0, 10, 1 << 20} {
				req := f.request(t.Context(), http.MethodPost, "/", io.MultiReader(strings.NewReader(strings.Repeat("x", size))))
				req.Trailer = http.Header{"X-Request-Sum": {"42"}}
				res, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				want := toApplication + " 127.0.0.1 "
				if err != nil || res.Proto != fromClient || len(body) != len(want)+size || !strings.HasPrefix(string(body), want) || res.Trailer.Get("X-Sum") != "42" {
					t.Errorf("%s to %s with %d bytes: %s, %.30q of %d, trailer %q, %v", fromClient, toApplication, size, res.Proto, body, len(body), res.Trailer, err)
				}
			}
		}
	}
}

// The tag takes effect at once: nothing about an instance remembers what it was asked in before.
func TestProtocolChangesWhileServing(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	f.add("a", addressOf(s))
	for range 2 {
		for h2c, want := range map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"} {
			f.set(Route{ServiceID: "svc", Name: "hello", Hosts: []string{testHost}, State: Serving, MaxConcurrency: 1, H2C: h2c})
			if _, body := f.get("/"); body != want {
				t.Errorf("the instance is asked in %q, want %q", body, want)
			}
		}
	}
}

func TestNoUpgradeToHTTP2Applications(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving, H2C: true})
	f.h2cBackend("a", reply("ok"))
	req := f.request(t.Context(), http.MethodGet, "/", nil)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "websocket")
	if res, body := f.do(req); res.StatusCode != http.StatusNotImplemented || !strings.Contains(body, "slipway:protocol") {
		t.Errorf("got %d %q, want a 501 that says why", res.StatusCode, body)
	}
}

// An application that speaks HTTP/1.1 alone does not understand.
func TestWrongProtocolHasAPage(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving, H2C: true})
	f.backend("a", reply("ok"))
	res, body := f.get("/")
	if res.StatusCode != http.StatusBadGateway || !strings.Contains(body, "slipway:protocol") {
		t.Errorf("got %d %q, want a 502 that says where HTTP/2 comes from", res.StatusCode, body)
	}
}
