package router

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"
)

// BenchmarkProxy compares, in one run, the router with nothing in between and with a plain
// httputil.ReverseProxy that has the same transport and none of the router's work: 64
// connections, small responses, client and backend in the same process.
func BenchmarkProxy(b *testing.B) {
	backend := httptest.NewServer(reply("hello, world"))
	defer backend.Close()

	r := New(Options{})
	if err := r.SetService(Route{ServiceID: "svc", Hosts: []string{"127.0.0.1"}, State: Serving, MaxConcurrency: 200}); err != nil {
		b.Fatal(err)
	}
	in := Instance{ID: "a", Address: addressOf(backend), Healthy: true}
	if err := r.AddInstance("svc", in); err != nil {
		b.Fatal(err)
	}
	target, err := url.Parse(backend.URL)
	if err != nil {
		b.Fatal(err)
	}
	plain := &httputil.ReverseProxy{
		Rewrite:   func(p *httputil.ProxyRequest) { p.SetURL(target); p.SetXForwarded() },
		Transport: newInstance(in, r.options.Dial).transport,
	}
	for _, bench := range []struct {
		name    string
		handler http.Handler // nil: straight to the backend
	}{{"direct", nil}, {"reverseproxy", plain}, {"router", r}} {
		b.Run(bench.name, func(b *testing.B) {
			url := backend.URL
			if bench.handler != nil {
				front := httptest.NewServer(bench.handler)
				defer front.Close()
				url = front.URL
			}
			hammer(b, url)
		})
	}
}

func hammer(b *testing.B, url string) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	b.SetParallelism(32) // times two processors
	began := time.Now()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			res, err := client.Get(url)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				b.Errorf("status %d", res.StatusCode)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "req/s")
}

// BenchmarkClaim is what the gate costs a request that need not wait.
func BenchmarkClaim(b *testing.B) {
	g := newGate(200, "a", "b", "c", "d")
	b.ReportAllocs()
	for b.Loop() {
		l := &lease{}
		if ok, err := g.try(l, false); !ok || err != nil {
			b.Fatal(ok, err)
		}
		g.release(l, outcome{status: 200, answered: true})
	}
}

// BenchmarkClaimContended is the same for requests of one service that come at once, each with its own lease
// as a connection has, from many more goroutines than there are processors.
func BenchmarkClaimContended(b *testing.B) {
	g := newGate(200, "a", "b", "c", "d")
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		l := &lease{}
		for pb.Next() {
			*l = lease{}
			if ok, err := g.try(l, false); !ok || err != nil {
				b.Error(ok, err)
				return
			}
			g.release(l, outcome{status: 200, answered: true})
		}
	})
}

// BenchmarkFind is what the table of hosts costs a request: an exact match costs no more for wildcards
// being there.
func BenchmarkFind(b *testing.B) {
	for _, table := range []struct {
		name  string
		extra []string
	}{{"without wildcards", nil}, {"with wildcards", []string{"*.example.com", "*.example.org"}}} {
		r := New(Options{})
		hosts := table.extra
		for i := range 1000 {
			hosts = append(hosts, fmt.Sprintf("service-%d.us-east-1.localhost", i))
		}
		if err := r.SetService(Route{ServiceID: "svc", Hosts: hosts, MaxConcurrency: 1}); err != nil {
			b.Fatal(err)
		}
		for kind, host := range map[string]string{"exact": "service-500.us-east-1.localhost", "by wildcard": "shop.example.com"} {
			if kind != "exact" && table.extra == nil {
				continue
			}
			b.Run(kind+" "+table.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if r.find(host) == nil {
						b.Fatal("not found")
					}
				}
			})
		}
	}
}
