package test

import (
	"bufio"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// TestCloudWatchLogs reads the logs of a service with clients of CloudWatch Logs.
func TestCloudWatchLogs(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, "timeouts: {stop: 1s}\n")
	s.PushMimic("mimic:v1", "v1")
	service := s.Run(s.Input("writer", "mimic:v1"))
	const lines = 30
	for i := range lines {
		s.Get(service, "/say?text="+url.QueryEscape(fmt.Sprint("line ", i)))
	}
	s.Get(service, "/say?text="+url.QueryEscape(`{"level": "error", "took": 12.5, "user": {"name": "ann"}}`))
	group := "/aws/apprunner/writer/" + *service.ServiceId
	s.Eventually("everything is written", 10*time.Second, func() error {
		if text := s.CLI("logs", "writer"); !strings.Contains(text, "ann") {
			return kit.Errorf("it is not in\n%s", text)
		}
		return nil
	})

	t.Run("AWS CLI", func(t *testing.T) { testLogsWithCLI(t, s.With(t), group) })
	t.Run("boto3", func(t *testing.T) {
		script := `eval "$("$0" env --data-dir "$1")" && exec "$2" "$3" writer "$4"`
		cmd := exec.CommandContext(t.Context(), "sh", "-c", script, kit.Binary("slipway"), s.Dir, kit.Binary("tools/aws/bin/python3"), "testdata/boto_logs.py", fmt.Sprint(lines))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("tail", func(t *testing.T) { testTail(t, s.With(t), service, group) })
	t.Run("rights", func(t *testing.T) { testLogRights(t, s.With(t), group) })
	t.Run("retention", func(t *testing.T) { testRetention(t, s.With(t), group) })
}

func testLogsWithCLI(t *testing.T, s *kit.Slipway, group string) {
	var found struct{ Events []struct{ Message string } }
	aws(t, s, &found, "logs", "filter-log-events", "--log-group-name", group+"/application", "--filter-pattern", `{ $.level = "err*" && $.took > 10 && $.user.name = ann }`)
	if len(found.Events) != 1 || !strings.HasPrefix(found.Events[0].Message, `{"level"`) {
		t.Errorf("found %+v", found.Events)
	}
	aws(t, s, &found, "logs", "get-log-events", "--log-group-name", group+"/service", "--log-stream-name", "events", "--limit", "1")
	if len(found.Events) != 1 || found.Events[0].Message != "Service status is set to RUNNING." {
		t.Errorf("the newest event is %+v", found.Events)
	}
	if region := aws(t, s, nil, "logs", "describe-log-groups", "--region", "eu-west-1", "--query", "length(logGroups)"); region != "0" {
		t.Errorf("another Region has %s log groups", region)
	}
}

// tailCLI is version 2 of the AWS CLI, which alone has "logs tail".
func tailCLI(t *testing.T) string {
	t.Helper()
	const program = "/usr/bin/aws"
	if out, err := exec.CommandContext(t.Context(), program, "--version").CombinedOutput(); err == nil && strings.HasPrefix(string(out), "aws-cli/2") {
		return program
	}
	if out, _ := exec.CommandContext(t.Context(), "apt-cache", "policy", "awscli").Output(); strings.Contains(string(out), "Candidate: 2.") && os.Getenv("CI") != "" {
		t.Fatal("version 2 of the AWS CLI is not installed: run scripts/bootstrap tests")
	}
	t.Skip("version 2 of the AWS CLI is not there, in " + program)
	return ""
}

// testTail follows a service with the AWS CLI. That of Debian 12 does not know of endpoints in profiles.
func testTail(t *testing.T, s *kit.Slipway, service *apprunnerapi.Service, group string) {
	script := `eval "$("$0" env --data-dir "$1")" && exec "$2" --endpoint-url "$3" logs tail "$4" --follow --since 1h`
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script, kit.Binary("slipway"), s.Dir, tailCLI(t), "http://"+s.API, group+"/application")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer stop.Stop()
	seen := map[string]int{}
	for text := bufio.NewScanner(out); text.Scan(); {
		_, line, _ := strings.Cut(text.Text(), " instance/")
		_, line, _ = strings.Cut(line, " ") // the id
		seen[line]++
		if strings.Contains(line, "ann") {
			s.Get(service, "/say?text=while+followed")
		}
		if strings.Contains(line, "while followed") {
			_ = cmd.Process.Signal(syscall.SIGINT)
		}
	}
	_ = cmd.Wait()
	for _, line := range []string{"line 0", "line 29", "while followed"} {
		if seen[line] != 1 {
			t.Errorf("%q came %d times, of %v", line, seen[line], seen)
		}
	}
}

// testLogRights has a key that may read the output of this service alone.
func testLogRights(t *testing.T, s *kit.Slipway, group string) {
	key := s.CreateKey("log-reader", `{"Statement": [
		{"Effect": "Allow", "Action": ["logs:FilterLogEvents", "logs:GetLogEvents"], "Resource": "arn:aws:logs:*:*:log-group:/aws/apprunner/writer/*/application:*"},
		{"Effect": "Allow", "Action": "logs:DescribeLogStreams", "Resource": "arn:aws:logs:us-east-1:000000000000:log-group:`+group+`/service:*"}]}`)
	cmd := exec.CommandContext(t.Context(), kit.Binary("tools/aws/bin/python3"), "testdata/boto_log_rights.py", group)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+key.ID, "AWS_SECRET_ACCESS_KEY="+key.Secret, "AWS_DEFAULT_REGION=us-east-1", "AWS_ENDPOINT_URL=http://"+s.API)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// testRetention sets how long a group is kept, across a crash.
func testRetention(t *testing.T, s *kit.Slipway, group string) {
	kept := func() string {
		return aws(t, s, nil, "logs", "describe-log-groups", "--query", "logGroups[].retentionInDays", "--output", "text")
	}
	aws(t, s, nil, "logs", "put-retention-policy", "--log-group-name", group+"/application", "--retention-in-days", "3")
	s.Kill()
	s.Start()
	if got := kept(); got != "3\t14" {
		t.Errorf("after a crash groups are kept for %q days", got)
	}
}
