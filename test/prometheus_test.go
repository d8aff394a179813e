package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-run/slipway/test/kit"
)

const prometheusConfig = `global: {scrape_interval: 1s}
scrape_configs:
  - job_name: slipway
    basic_auth: {username: %s, password: %s}
    static_configs: [{targets: ["%s"]}]
`

// TestPrometheus has a real Prometheus read the metrics, with a key as in the docs, and asks it for
// everything that the dashboard shows.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, "timeouts: {stop: 1s}\n")
	s.PushMimic("mimic:v1", "v1")
	service := s.Run(s.Input("charted", "mimic:v1"))
	key := s.CreateKey("prometheus", `{"Statement": [{"Effect": "Allow", "Action": "slipway:GetMetrics", "Resource": "*"}]}`)
	address := startPrometheus(t, fmt.Sprintf(prometheusConfig, key.ID, key.Secret, s.API))
	for _, expression := range dashboardExpressions(t) {
		wanted := !strings.Contains(expression, "_wake_") && !strings.Contains(expression, "_queue_duration_") // nothing waits here
		expression = strings.NewReplacer("$region", "us-.*", "$service", "chart.*", "$__rate_interval", "5s").Replace(expression)
		s.Eventually("Prometheus knows "+expression, 30*time.Second, func() error {
			s.Get(service, "/")
			found, err := values(t, address, expression)
			switch {
			case err != nil:
				t.Fatalf("%s: %v", expression, err)
			case wanted && found == 0:
				return kit.Errorf("it has no value")
			}
			return nil
		})
	}
}

// startPrometheus runs a Prometheus until the test ends, and returns its address.
func startPrometheus(t *testing.T, config string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	address := kit.FreeAddress(t)
	program := kit.Binary("tools/prometheus")
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("there is no Prometheus: run scripts/bootstrap tests (%v)", err)
	}
	cmd := exec.Command(program, "--config.file", file, "--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", address, "--log.level", "error")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		response, err := http.Get("http://" + address + "/-/ready")
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return address
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("Prometheus is not ready: %v", err)
		}
	}
}

// values has Prometheus evaluate an expression, and returns how many values it has.
func values(t *testing.T, address, expression string) (int, error) {
	t.Helper()
	response, err := http.Get("http://" + address + "/api/v1/query?query=" + url.QueryEscape(expression))
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Status, Error string
		Data          struct{ Result []json.RawMessage }
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Status != "success" {
		return 0, fmt.Errorf("%v %s", err, text)
	}
	return len(answer.Data.Result), nil
}

// dashboardExpressions are the queries of all panels of the dashboard.
func dashboardExpressions(t *testing.T) (all []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(kit.Root(), "dashboards/slipway.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			all = append(all, target.Expr)
		}
	}
	if len(all) < 15 {
		t.Errorf("the dashboard has %d queries", len(all))
	}
	return all
}
