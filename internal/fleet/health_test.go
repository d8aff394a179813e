package fleet

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// The probe itself, against real servers.
func TestProbeHTTP(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.UserAgent(), "Slipway-HealthCheck/") || r.Method != http.MethodGet {
			t.Errorf("the check is %s by %q", r.Method, r.UserAgent())
		}
		var status int
		if _, err := fmt.Sscanf(r.URL.Path, "/%d", &status); err != nil {
			<-r.Context().Done()
			return
		}
		w.Header().Set("Location", "/500") // a redirect is healthy and not followed
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "first line of %d\nsecond line", status)
	}))
	t.Cleanup(server.Close)
	target := netip.MustParseAddrPort(server.Listener.Addr().String())
	for path, want := range map[string]string{
		"/200": "", "200": "", "/204": "", "/302": "", "/399": "",
		"/400":  `answered status 400: "first line of 400"`,
		"/404":  `answered status 404: "first line of 404"`,
		"/500":  `answered status 500: "first line of 500"`,
		"/hang": "deadline",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			check := apprunner.HealthCheck{Protocol: apprunner.HealthHTTP, Path: path, Timeout: 5 * time.Second}
			if path == "/hang" {
				check.Timeout = 50 * time.Millisecond
			}
			err := probe(t.Context(), check, target)
			if (err == nil) != (want == "") || (err != nil && !strings.Contains(err.Error(), want)) {
				t.Errorf("probe = %v, want %q", err, want)
			}
		})
	}
}

func TestProbeTCP(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := netip.MustParseAddrPort(listener.Addr().String())
	check := apprunner.HealthCheck{Protocol: apprunner.HealthTCP, Timeout: 5 * time.Second}
	if err := probe(t.Context(), check, target); err != nil {
		t.Errorf("a port that listens: %v", err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := probe(t.Context(), check, target); err == nil {
		t.Error("a closed port is healthy")
	}
}

func TestBadStatusWithoutBody(t *testing.T) {
	t.Parallel()
	if got := (&badStatus{code: 503}).Error(); got != "answered status 503" {
		t.Error(got)
	}
}
