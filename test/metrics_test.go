package test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/iam"
	"github.com/slipway-run/slipway/test/kit"
)

// TestMetrics counts requests to a service, and reads what was counted with the command line and as
// Prometheus does.
func TestMetrics(t *testing.T) {
	t.Parallel()
	open := kit.FreeAddress(t)
	s := kit.Start(t, "timeouts: {stop: 1s, keep-gone: 1ms}\nmetrics-listen: "+open+"\n")
	s.PushMimic("mimic:v1", "v1")
	service := s.Run(s.Input("counted", "mimic:v1"))
	for range 19 {
		s.Get(service, "/")
	}
	s.Get(service, "/sicken?status=503")
	s.Get(service, "/health")

	t.Run("Prometheus", func(t *testing.T) { testScrapes(t, s.With(t), open) })
	t.Run("command line", func(t *testing.T) {
		s := s.With(t)
		s.Eventually("the requests are counted", 15*time.Second, func() error { return counted(t, s, 20) })
		if text := s.CLI("metrics", "counted"); !strings.Contains(text, "RequestLatency") {
			t.Errorf("the summary is\n%s", text)
		}
	})
	t.Run("restart", func(t *testing.T) {
		s := s.With(t)
		s.Get(service, "/")
		s.Stop()
		s.Start()
		if err := counted(t, s, 21); err != nil {
			t.Error(err)
		}
	})
	t.Run("forgotten with the service", func(t *testing.T) {
		s := s.With(t)
		dir := filepath.Join(s.Dir, "metrics", *service.ServiceId)
		if _, err := os.Stat(dir); err != nil {
			t.Error(err)
		}
		s.Delete(*service.ServiceArn)
		s.Kill() // the next daemon tidies at once
		s.Start()
		s.Eventually("its metrics are gone", 10*time.Second, func() error {
			if _, err := os.Stat(dir); err == nil {
				return kit.Errorf("%s is there", dir)
			}
			return nil
		})
	})
}

// counted tells whether so many requests, each once, are in the metrics of the service and of its one
// instance, beside processor and memory.
func counted(t *testing.T, s *kit.Slipway, want float64) error {
	var answer admin.MetricsAnswer
	if err := json.Unmarshal([]byte(s.CLI("metrics", "counted", "--instances", "--output", "json")), &answer); err != nil {
		t.Fatal(err)
	}
	sums := map[string]float64{}
	for _, m := range answer.Metrics {
		for _, series := range m.Series {
			for _, p := range series.Points {
				sums[m.Name+strings.Repeat(" of an instance", min(1, len(series.Instance)))] += p.Sum
			}
		}
	}
	for name, n := range map[string]float64{
		"2xxStatusResponses": want, "2xxStatusResponses of an instance": want, "5xxStatusResponses": 1, "Requests": want + 1,
	} {
		if sums[name] != n {
			return kit.Errorf("%s: %v, want %v", name, sums[name], n)
		}
	}
	for _, name := range []string{"MemoryUtilization", "MemoryUtilization of an instance", "RequestLatency", "RequestLatency of an instance"} {
		if sums[name] <= 0 {
			return kit.Errorf("%s: %v", name, sums[name])
		}
	}
	return nil
}

func testScrapes(t *testing.T, s *kit.Slipway, open string) {
	may := s.CreateKey("prometheus", `{"Statement":[{"Effect":"Allow","Action":"slipway:GetMetrics","Resource":"*"}]}`)
	mayNot := s.CreateKey("other", `{"Statement":[{"Effect":"Allow","Action":"apprunner:*","Resource":"*"}]}`)
	for name, c := range map[string]struct {
		address string
		key     iam.Key
		want    int
	}{
		"a key that may":             {s.API, may, http.StatusOK},
		"a key that may not":         {s.API, mayNot, http.StatusForbidden},
		"a wrong secret":             {s.API, iam.Key{ID: may.ID, Secret: mayNot.Secret}, http.StatusUnauthorized},
		"nobody":                     {s.API, iam.Key{}, http.StatusUnauthorized},
		"nobody, where everyone may": {open, iam.Key{}, http.StatusOK},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+c.address+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.key.ID != "" {
			request.SetBasicAuth(c.key.ID, c.key.Secret)
		}
		code, body := plain(t, request)
		if code != c.want || strings.Contains(body, "slipway_service_requests_total") != (c.want == http.StatusOK) {
			t.Errorf("%s: %d %.200s", name, code, body)
		}
		if code != http.StatusOK {
			continue
		}
		for _, line := range []string{`slipway_service_requests_total{code="2xx",region="us-east-1",service="counted",service_id=`, "slipway_instance_memory_bytes{"} {
			if !strings.Contains(body, line) {
				t.Errorf("%s: there is no %s", name, line)
			}
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+open+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := plain(t, request); code != http.StatusNotFound {
		t.Errorf("the listener for metrics answers other requests: %d", code)
	}
}

// plain does a request.
func plain(t *testing.T, request *http.Request) (code int, body string) {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}
