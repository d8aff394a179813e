package git

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Transport reaches hosts by the rules that git is held to: no address that must not be reached, and
// nothing without TLS but what the operator allows. The APIs of Git hosts are reached by it too.
func (g *Git) Transport() http.RoundTripper {
	reach := func(scheme string) func(context.Context, string, string) (net.Conn, error) {
		return func(ctx context.Context, _, address string) (net.Conn, error) { return g.dial(ctx, scheme, address) }
	}
	idle := 30 * time.Second
	return &transport{
		git:    g,
		secure: &http.Transport{DialContext: reach("https"), ForceAttemptHTTP2: true, IdleConnTimeout: idle, ResponseHeaderTimeout: time.Minute},
		plain:  &http.Transport{DialContext: reach("http"), IdleConnTimeout: idle, ResponseHeaderTimeout: time.Minute},
	}
}

type transport struct {
	git           *Git
	secure, plain *http.Transport
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	switch {
	case r.URL.Scheme == "https":
		return t.secure.RoundTrip(r)
	case r.URL.Scheme == "http" && t.git.allowsHTTP(r.URL.Host):
		return t.plain.RoundTrip(r)
	default:
		return nil, failf("%s://%s would be reached without TLS. Use https, or have the operator add %q to source.allow-http.", r.URL.Scheme, r.URL.Host, r.URL.Host)
	}
}

// CloseIdleConnections is for http.Client.
func (t *transport) CloseIdleConnections() {
	t.secure.CloseIdleConnections()
	t.plain.CloseIdleConnections()
}
