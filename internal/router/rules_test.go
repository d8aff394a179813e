package router

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestAllowedAddresses(t *testing.T) {
	for name, tc := range map[string]struct {
		allow []netip.Prefix
		state State
		want  int
	}{
		"everybody":         {nil, Serving, 200},
		"this one":          {prefixes("10.0.0.0/8", "127.0.0.1/32"), Serving, 200},
		"others":            {prefixes("10.0.0.0/8", "::1/128"), Serving, 403},
		"others, of paused": {prefixes("10.0.0.0/8"), Paused, 403}, // who is not served learns nothing
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, Options{}, Route{State: tc.state, Allow: tc.allow})
			f.backend("a", reply("ok"))
			req := f.request(t.Context(), http.MethodPost, "/", strings.NewReader("body"))
			req.Header.Set("X-Forwarded-For", "10.1.2.3") // anybody can say so
			res, body := f.do(req)
			if res.StatusCode != tc.want {
				t.Errorf("got %d %q, want %d", res.StatusCode, body, tc.want)
			}
			if tc.want == 403 && (!strings.Contains(body, "127.0.0.1, where this request comes from") || !strings.Contains(body, "slipway:allow-ips")) {
				t.Errorf("the page %q does not say why", body)
			}
			eventually(t, "the request is counted", func() bool { return f.stats().Service.Requests == 1 })
		})
	}
}

func prefixes(all ...string) (p []netip.Prefix) {
	for _, text := range all {
		p = append(p, netip.MustParsePrefix(text))
	}
	return p
}

func TestAllowMatchesAddressesInAnyForm(t *testing.T) {
	t.Parallel()
	route := Route{Allow: prefixes("192.0.2.0/24", "fe80::/10", "2001:db8::1/128")}
	for address, want := range map[string]bool{
		"192.0.2.7:1": true, "[::ffff:192.0.2.7]:1": true, "[fe80::1%eth0]:1": true, "[2001:db8::1]:1": true,
		"192.0.3.7:1": false, "[2001:db8::2]:1": false, "@": false, "": false,
	} {
		if got := !forbidden(addressOfClient(address), &route); got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
}

// TestHSTS asks over plain HTTP and over HTTPS, in both versions of HTTP.
func TestHSTS(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving, HSTS: 24 * time.Hour})
	f.backend("a", func(w http.ResponseWriter, r *http.Request) {
		if own := r.Header.Get("Own"); own != "" {
			w.Header().Set(headerHSTS, own)
		}
	})
	if res, _ := f.get("/"); res.Header.Get(headerHSTS) != "" {
		t.Errorf("plain HTTP says %q, which browsers have to ignore", res.Header.Get(headerHSTS))
	}
	address, config := serveTLS(t, f.router, "h2", "http/1.1")
	for _, version := range []int{1, 2} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config.Clone(), ForceAttemptHTTP2: version == 2}}
		for _, own := range []string{"", "max-age=0"} {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address, nil)
			req.Host = testHost
			req.Header.Set("Own", own)
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			want := own
			if own == "" {
				want = "max-age=86400"
			}
			if got := res.Header[headerHSTS]; len(got) != 1 || got[0] != want || res.ProtoMajor != version {
				t.Errorf("%s says %q, want %q", res.Proto, got, want)
			}
		}
		client.CloseIdleConnections()
	}
}

// TestUpgradeToHTTP2IsIgnored: it would lead around the gate to the application.
func TestUpgradeToHTTP2IsIgnored(t *testing.T) {
	f := newFixture(t, Options{}, Route{State: Serving})
	seen := make(chan http.Header, 1)
	f.backend("a", func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header })
	for _, upgrade := range []string{"h2c", "H2C", "websocket, h2c"} {
		req := f.request(t.Context(), http.MethodGet, "/", nil)
		req.Header.Set("Connection", "Upgrade, HTTP2-Settings")
		req.Header.Set("Upgrade", upgrade)
		req.Header.Set("HTTP2-Settings", "AAMAAABkAAQAAP__")
		if res, _ := f.do(req); res.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", upgrade, res.StatusCode)
		}
		got := <-seen
		for _, name := range []string{"Upgrade", "Connection", "Http2-Settings"} {
			if got.Get(name) != "" {
				t.Errorf("%s: the instance is told %s: %s", upgrade, name, got.Get(name))
			}
		}
	}
}

// What net/http serves of HTTP/1.1 over TLS is told to be that.
func TestDivertedTLSConnectionIsStillOne(t *testing.T) {
	onlyServer(t)
	f := newFixture(t, Options{}, Route{State: Serving, H2C: true})
	f.h2cBackend("a", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto+" "+r.Header.Get("X-Forwarded-Proto"))
	})
	address, config := serveTLS(t, f.router, "http/1.1")
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", testHost)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(res.Body); string(body) != "HTTP/2.0 https" {
		t.Errorf("got %q", body)
	}
}
