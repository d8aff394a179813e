package test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/test/kit"
)

// TestCloudWatchMetrics reads the metrics of two services with clients of CloudWatch, each in a protocol
// of its own: boto3 speaks JSON, version 2 of the AWS CLI in Debian 12 the query protocol. (The SDK for Go
// speaks CBOR; see the conformance tests.)
func TestCloudWatchMetrics(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, "timeouts: {stop: 1s}\n")
	s.PushMimic("mimic:v1", "v1")
	watched, other := s.Run(s.Input("watched", "mimic:v1")), s.Run(s.Input("other", "mimic:v1"))
	const requests = 40
	for range requests {
		s.Get(watched, "/")
	}
	s.Get(watched, "/sicken?status=503")
	s.Get(watched, "/health")
	s.Get(other, "/")
	sum := func(service, metric string) float64 {
		var answer admin.MetricsAnswer
		text := s.CLI("metrics", service, "--metric", metric, "--output", "json")
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		total := 0.0
		for _, m := range answer.Metrics {
			for _, series := range m.Series {
				for _, p := range series.Points {
					total += p.Sum
				}
			}
		}
		return total
	}
	s.Eventually("the requests are counted", 30*time.Second, func() error {
		if a, b := sum("watched", "Requests"), sum("other", "Requests"); a != requests+2 || b != 1 {
			return kit.Errorf("%v and %v requests are", a, b)
		}
		if sum("watched", "CPUUtilization") == 0 { // needs two readings
			return kit.Errorf("no processor time is")
		}
		return nil
	})

	script := `eval "$("$0" env --data-dir "$1")" && shift && exec "$@"`
	python := []string{"-c", script, kit.Binary("slipway"), s.Dir, kit.Binary("tools/aws/bin/python3"), "testdata/boto_metrics.py", *watched.ServiceId, *other.ServiceId, fmt.Sprint(requests)}
	t.Run("boto3", func(t *testing.T) { runs(t, exec.CommandContext(t.Context(), "sh", python...)) })
	t.Run("AWS CLI", func(t *testing.T) {
		at := func(ago time.Duration) string { return time.Now().Add(-ago).UTC().Format(time.RFC3339) }
		cli := []string{"-c", script, kit.Binary("slipway"), s.Dir, tailCLI(t), "--endpoint-url", "http://" + s.API, "cloudwatch", "get-metric-statistics",
			"--namespace", "AWS/AppRunner", "--metric-name", "Requests", "--dimensions", "Name=ServiceName,Value=watched", "Name=ServiceID,Value=" + *watched.ServiceId,
			"--start-time", at(time.Hour), "--end-time", at(-time.Minute), "--period", "3600", "--statistics", "Sum", "SampleCount", "--output", "json"}
		var answer struct {
			Label      string
			Datapoints []struct {
				Sum  float64
				Unit string
			}
		}
		if err := json.Unmarshal([]byte(runs(t, exec.CommandContext(t.Context(), "sh", cli...))), &answer); err != nil {
			t.Fatal(err)
		}
		total := 0.0
		for _, p := range answer.Datapoints {
			total += p.Sum
		}
		if total != requests+2 || answer.Label != "Requests" || answer.Datapoints[0].Unit != "Count" {
			t.Errorf("the answer is %+v", answer)
		}
	})
	t.Run("rights", func(t *testing.T) {
		s := s.With(t)
		key := s.CreateKey("dashboard", `{"Statement": [{"Effect": "Allow", "Action": "cloudwatch:ListMetrics", "Resource": "*"}]}`)
		call := func(args ...string) (string, error) {
			cmd := exec.CommandContext(t.Context(), kit.Binary("tools/aws/bin/aws"), append([]string{"cloudwatch"}, args...)...)
			cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+key.ID, "AWS_SECRET_ACCESS_KEY="+key.Secret, "AWS_DEFAULT_REGION=us-east-1", "AWS_ENDPOINT_URL=http://"+s.API)
			out, err := cmd.CombinedOutput()
			return string(out), err
		}
		if out, err := call("list-metrics", "--namespace", "AWS/AppRunner"); err != nil || !strings.Contains(out, "RequestLatency") {
			t.Errorf("%v\n%s", err, out)
		}
		out, err := call("get-metric-statistics", "--namespace", "AWS/AppRunner", "--metric-name", "Requests", "--start-time", "2026-01-01", "--end-time", "2026-01-02", "--period", "3600", "--statistics", "Sum")
		if err == nil || !strings.Contains(out, "is not authorized to perform: cloudwatch:GetMetricStatistics") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// runs returns what a command prints, which has to succeed.
func runs(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, problems.String())
	}
	return string(out)
}
