package test

import (
	"bufio"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// TestLogs reads logs with the command line: across a deployment, and across a daemon that ends and
// one that is killed.
func TestLogs(t *testing.T) {
	s := kit.Start(t, "timeouts: {stop: 1s}\n")
	s.PushMimic("mimic:v1", "v1")
	in := s.Input("talker", "mimic:v1", "SAY=good morning")
	service, id := s.Create(in)
	s.Await(*service.ServiceArn, apprunnerapi.ServiceStatusRunning)

	t.Run("deployment log", func(t *testing.T) {
		s := s.With(t)
		wantLines(t, s.DeploymentLog("talker", id), " [AppRunner] ",
			"Deployment with ID : "+id+" started. Triggering event : SERVICE_CREATE",
			"Starting to pull your application image.",
			"Successfully pulled your application image from ECR.",
			"Starting to deploy your application image.",
			"Successfully deployed your application image.")
	})
	t.Run("events", func(t *testing.T) {
		s := s.With(t)
		wantLines(t, s.Events("talker"), " ",
			"Service creation started.",
			"Service status is set to OPERATION_IN_PROGRESS.",
			"Pulling image "+s.Image("mimic:v1")+" from ECR repository.",
			"Successfully pulled image from ECR.",
			"Provisioning instances and deploying image for publicly accessible service.",
			"Performing health check on protocol `TCP` [Port: '8080'].",
			"Health check is successful. Routing traffic to application.",
			"Successfully routed incoming traffic to application.",
			"Service creation completed successfully.",
			"Service status is set to RUNNING.")
	})
	t.Run("application", func(t *testing.T) {
		s := s.With(t)
		say(t, s, service, "over here")
		wantLog(s, "talker", "good morning", "over here")
		for line := range strings.Lines(s.CLI("logs", "talker")) {
			if !logLine.MatchString(line) {
				t.Errorf("a line has no timestamp to the millisecond and instance: %q", line)
			}
		}
		if recent := s.CLI("logs", "talker", "--since", "1ns"); recent != "" {
			t.Errorf("lines of the last nanosecond: %q", recent)
		}
	})
	t.Run("follow", func(t *testing.T) { testFollow(t, s.With(t), service, in) })
	t.Run("while no daemon runs", func(t *testing.T) { testUnattended(t, s.With(t), service) })
}

var logLine = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d) \[[0-9a-f]{8}\] .+\n$`)

// wantLines fails the test unless the log is these messages, each after a time and what separates
// them.
func wantLines(t *testing.T, log, separator string, want ...string) {
	t.Helper()
	var got []string
	for line := range strings.Lines(log) {
		stamp, message, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if _, err := time.Parse("2006-01-02T15:04:05.000Z07:00", stamp); err != nil {
			t.Errorf("line %q begins with no time to the millisecond", line)
		}
		message, ok := strings.CutPrefix(message, separator)
		if !ok {
			t.Errorf("after its time line %q does not begin with %q", line, separator)
		}
		if !strings.HasPrefix(message, "Pulling your application image: ") { // a slow pull tells how far it is
			got = append(got, message)
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the log is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func say(t *testing.T, s *kit.Slipway, service *apprunnerapi.Service, text string) {
	t.Helper()
	if code, body := s.Get(service, "/say?text="+strings.ReplaceAll(text, " ", "+")); code != 200 {
		t.Fatalf("the application did not take the line: %d %s", code, body)
	}
}

// wantLog waits until the log of a service has lines.
func wantLog(s *kit.Slipway, name string, lines ...string) {
	s.Eventually("the log has its lines", 10*time.Second, func() error {
		log := s.CLI("logs", name)
		for _, line := range lines {
			if !strings.Contains(log, line+"\n") {
				return kit.Errorf("there is no %q in\n%s", line, log)
			}
		}
		return nil
	})
}

// follower is a "slipway logs -f" that runs.
type follower struct {
	mu   sync.Mutex
	text strings.Builder
}

func follow(t *testing.T, s *kit.Slipway, name string) *follower {
	t.Helper()
	cmd := exec.Command(kit.Binary("slipway"), "logs", name, "--follow", "--data-dir", s.Dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f := &follower{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.read(out)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		<-done
		_ = cmd.Wait()
	})
	return f
}

func (f *follower) read(from io.Reader) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		f.mu.Lock()
		f.text.WriteString(line)
		f.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (f *follower) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.text.String()
}

// await waits until the follower has printed a line once.
func (f *follower) await(s *kit.Slipway, line string) {
	s.Eventually("the follower prints "+line, 15*time.Second, func() error {
		if strings.Count(f.String(), line+"\n") != 1 {
			return kit.Errorf("it printed\n%s", f)
		}
		return nil
	})
}

func testFollow(t *testing.T, s *kit.Slipway, service *apprunnerapi.Service, in *apprunnerapi.CreateServiceInput) {
	f := follow(t, s, "talker")
	f.await(s, "good morning")
	setVariables("SAY=good evening")(in)
	id := s.Update(update(*service.ServiceArn, in))
	s.AwaitOperation("talker", id)
	f.await(s, "good evening")
	say(t, s, service, "after the deployment")
	f.await(s, "after the deployment")
	f.await(s, "mimic is asked to end")

	s.Stop()
	s.Start()
	say(t, s, service, "after the restart")
	f.await(s, "after the restart")
	if n := strings.Count(f.String(), "good morning"); n != 1 {
		t.Errorf("the first line was printed %d times:\n%s", n, f)
	}
}

// testUnattended has an application print while no daemon reads.
func testUnattended(t *testing.T, s *kit.Slipway, service *apprunnerapi.Service) {
	say(t, s, service, "before the kill")
	_, address := s.Get(service, "/address")
	s.Kill()
	if err := get("http://" + address + ":8080/say?text=all+alone"); err != nil {
		t.Errorf("the instance does not serve without a daemon: %v", err)
	}
	s.Start()
	say(t, s, service, "after the kill")
	wantLog(s, "talker", "before the kill", "all alone", "after the kill")
	log := s.CLI("logs", "talker")
	if n := strings.Count(log, "all alone\n"); n != 1 {
		t.Errorf("the line written while no daemon ran is there %d times:\n%s", n, log)
	}
	if strings.Index(log, "before the kill") > strings.Index(log, "all alone") || strings.Index(log, "all alone") > strings.Index(log, "after the kill") {
		t.Errorf("the lines are out of order:\n%s", log)
	}
}

func get(url string) error {
	response, err := (&http.Client{Timeout: 5 * time.Second}).Get(url)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
