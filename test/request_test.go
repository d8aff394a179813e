package test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/test/kit"
)

// TestRequestRules sets tags of a service, which take effect at once and deploy nothing, and reads its access
// log.
func TestRequestRules(t *testing.T) {
	s := kit.Start(t, "timeouts: {stop: 1s}\n")
	s.PushMimic("mimic:v1", "v1")
	service := s.Run(s.Input("asked", "mimic:v1"))
	client := s.Client()
	defer client.CloseIdleConnections()
	get := func(path string) (int, string, http.Header) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+*service.ServiceUrl+path, nil)
		if err != nil {
			t.Fatal(err)
		}

		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body), response.Header
	}
	if status, _, header := get("/seen?secret"); status != 200 || header.Get("X-Request-Id") == "" || header.Get("Server-Timing") == "" {
		t.Errorf("got %d with %v", status, header)
	}
	for _, tc := range []struct {
		key, value, path string
		status           int
		say              string
	}{
		{"slipway:allow-ips", "10.99.0.0/16 192.0.2.7", "/", 403, "127.0.0.1, where this request comes from"},
		{"slipway:request-timeout", "1s", "/sleep?d=3s", 504, "time limit"},
		{"slipway:protocol", "h2c", "/protocol", 200, "HTTP/2.0"},
		{"slipway:default-domain", "off", "/", 404, "No service has the host name"},
	} {
		s.AWS(nil, "tag-resource", "--resource-arn", *service.ServiceArn, "--tags", "Key="+tc.key+",Value="+tc.value)
		if status, body, _ := get(tc.path); status != tc.status || !strings.Contains(body, tc.say) {
			t.Errorf("%s=%s: %d %q, want %d with %q", tc.key, tc.value, status, body, tc.status, tc.say)
		}
		s.AWS(nil, "untag-resource", "--resource-arn", *service.ServiceArn, "--tag-keys", tc.key)
		if status, body, _ := get("/protocol"); status != 200 || body != "HTTP/1.1\n" {
			t.Errorf("without %s: %d %q", tc.key, status, body)
		}
	}
	s.Eventually("the requests are logged", 10*time.Second, func() error {
		lines := s.CLI("logs", "asked", "--type", "access", "--output", "json")
		for _, want := range []struct {
			path   string
			status float64
		}{{"/seen", 200}, {"/", 403}, {"/sleep", 504}, {"/protocol", 200}} {
			if !hasRequest(lines, want.path, want.status) {
				return kit.Errorf("no line has %s with %v:\n%s", want.path, want.status, lines)
			}
		}
		return nil
	})
	if lines := s.CLI("logs", "asked", "--type", "access"); !strings.Contains(lines, " 403 GET ") || strings.Contains(lines, "secret") {
		t.Errorf("for people:\n%s", lines)
	}
	if _, errOut, err := s.Try("logs", "asked", "--type", "audit"); err == nil || !strings.Contains(errOut, "neither application nor access") {
		t.Errorf("a type that is none: %v %s", err, errOut)
	}
}

func hasRequest(lines, path string, status float64) bool {
	for line := range strings.Lines(lines) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) == nil && fields["path"] == path && fields["status"] == status {
			return true
		}
	}
	return false
}
