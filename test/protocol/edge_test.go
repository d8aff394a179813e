package protocol

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/router"
)

const host = "abcdefghij.us-east-1.localhost"

// edge is a router with one service, served with TLS and without.
type edge struct {
	t      *testing.T
	router *router.Router
	plain  string // address
	secure string // likewise
	roots  *x509.CertPool
}

func startEdge(t *testing.T, route router.Route, instances ...net.Listener) *edge {
	t.Helper()
	e := &edge{t: t, router: router.New(router.Options{QueueWait: 100 * time.Millisecond})}
	route.ServiceID, route.Name, route.State = "svc", "hello", router.Serving
	route.Hosts = append(route.Hosts, host, "127.0.0.1", "example.com")
	if route.MaxConcurrency == 0 {
		route.MaxConcurrency = 100
	}
	if err := e.router.SetService(route); err != nil {
		t.Fatal(err)
	}
	for _, l := range instances {
		in := router.Instance{ID: l.Addr().String(), Address: netip.MustParseAddrPort(l.Addr().String()), Healthy: true}
		if err := e.router.AddInstance("svc", in); err != nil {
			t.Fatal(err)
		}
	}
	certified := httptest.NewUnstartedServer(nil) // of which only the certificate is used; it is for example.com
	certified.StartTLS()
	t.Cleanup(certified.Close)
	e.roots = certified.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	e.plain = e.serve(router.ServerOptions{})
	e.secure = e.serve(router.ServerOptions{TLS: &tls.Config{Certificates: certified.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}}})
	t.Cleanup(func() { e.router.RemoveService("svc") }) // cuts what a failed test left
	return e
}

func (e *edge) serve(o router.ServerOptions) string {
	e.t.Helper()
	l := listen(e.t)
	s := router.NewServer(e.router, o)
	var served sync.WaitGroup
	served.Go(func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			e.t.Error(err)
		}
	})
	e.t.Cleanup(func() { _ = s.Close(); served.Wait() })
	return l.Addr().String()
}

// client trusts the edge.
func (e *edge) tls() *tls.Config { return &tls.Config{RootCAs: e.roots, ServerName: "example.com"} }

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// application serves a handler, and returns where.
func application(t *testing.T, h http.HandlerFunc) net.Listener {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener
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
