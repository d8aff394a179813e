package router

import (
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestClientBehindProxies(t *testing.T) {
	t.Parallel()
	r := New(Options{Trusted: prefixes("10.0.0.0/8", "2001:db8::/32")})
	for list, want := range map[string]string{
		"":                                  "10.0.0.1", // the proxy asks for itself
		"192.0.2.7":                         "192.0.2.7",
		"6.6.6.6, 192.0.2.7":                "192.0.2.7", // the client made up the first
		"6.6.6.6, 192.0.2.7, 10.9.9.9":      "192.0.2.7",
		"192.0.2.7,10.1.1.1 ,\t2001:db8::1": "192.0.2.7",
		"192.0.2.7:1234":                    "192.0.2.7",
		"[2001:db9::7]:1234":                "2001:db9::7",
		"::ffff:192.0.2.7":                  "192.0.2.7",
		"10.2.2.2":                          "10.2.2.2", // all are trusted: the first has asked
		"6.6.6.6, unknown":                  "10.0.0.1", // who said so is the last that is known
		"6.6.6.6, unknown, 10.3.3.3":        "10.3.3.3",
		"6.6.6.6,":                          "10.0.0.1",
	} {
		if got := r.clientBehind([]byte(list), netip.MustParseAddr("10.0.0.1")); got.String() != want {
			t.Errorf("%q is from %s, want %s", list, got, want)
		}
	}
}

// TestTrustedProxy has a proxy in front that this router trusts, and one that it does not.
func TestTrustedProxy(t *testing.T) {
	for name, tc := range map[string]struct {
		trusted []netip.Prefix
		want    http.Header
		client  string
		status  int // of a service that is for 192.0.2.7 alone
		hsts    bool
	}{
		"trusted": {prefixes("127.0.0.0/8"), http.Header{
			headerForwardedFor: {"6.6.6.6, 192.0.2.7, 127.0.0.1"}, headerForwardedProto: {"https"}, headerForwardedHost: {"shop.example"},
		}, "192.0.2.7", 200, true},
		"another": {prefixes("10.0.0.0/8"), http.Header{
			headerForwardedFor: {"127.0.0.1"}, headerForwardedProto: {"http"}, headerForwardedHost: {testHost},
		}, "127.0.0.1", 403, false},
	} {
		t.Run(name, func(t *testing.T) {
			f, kept := loggedFixture(t, Options{Trusted: tc.trusted}, Route{State: Serving, HSTS: time.Hour})
			seen := make(chan http.Header, 1)
			f.backend("a", func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header })
			ask := func() *http.Response {
				req := f.request(t.Context(), http.MethodGet, "/", nil)
				req.Header[headerForwardedFor] = []string{"6.6.6.6", "192.0.2.7"}
				req.Header.Set(headerForwardedProto, "https")
				req.Header.Set(headerForwardedHost, "shop.example")
				res, _ := f.do(req)
				return res
			}
			res := ask()
			got := <-seen
			for header := range tc.want {
				if diff := cmp.Diff(tc.want[header], got[header]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", header, diff)
				}
			}
			if has := res.Header.Get(headerHSTS) != ""; has != tc.hsts {
				t.Errorf("HSTS is said: %v, want %v", has, tc.hsts)
			}
			if line := kept.logged(t, 1)[0]; line["client_ip"] != tc.client || line["scheme"] != tc.want.Get(headerForwardedProto) {
				t.Errorf("logged %v", line)
			}
			f.set(Route{ServiceID: "svc", Name: "hello", Hosts: []string{testHost}, State: Serving, MaxConcurrency: 1, Allow: prefixes("192.0.2.7/32")})
			if res := ask(); res.StatusCode != tc.status {
				t.Errorf("got %d, want %d", res.StatusCode, tc.status)
			}
		})
	}
}

// A proxy that says nothing leaves what the connection is.
func TestTrustedProxyThatSaysNothing(t *testing.T) {
	f := newFixture(t, Options{Trusted: prefixes("127.0.0.1/32")}, Route{State: Serving})
	seen := make(chan http.Header, 1)
	f.backend("a", func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header })
	f.get("/")
	got := <-seen
	for header, want := range map[string]string{headerForwardedFor: "127.0.0.1", headerForwardedProto: "http", headerForwardedHost: testHost} {
		if got.Get(header) != want {
			t.Errorf("%s is %q, want %q", header, got[header], want)
		}
	}
}
