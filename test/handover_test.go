package test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// TestReplacedWhileTelling replaces the daemon, again and again, while it tells others what happens: events to
// a webhook and to who follows them, logs to a file, to a syslog server and to who follows them, and
// credentials to an application.
func TestReplacedWhileTelling(t *testing.T) {
	t.Parallel()
	secret := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	receiver := &hook{t: t, secret: verifier, slow: 150 * time.Millisecond}
	server := httptest.NewServer(receiver)
	t.Cleanup(server.Close)
	collector := newCollector(t)
	dir := t.TempDir()
	key, file := filepath.Join(dir, "hook.key"), filepath.Join(dir, "shipped.log")
	if err := os.WriteFile(key, []byte("whsec_"+secret), 0o600); err != nil {
		t.Fatal(err)
	}
	s := kit.Start(t, fmt.Sprintf(`%saccess-log: {query: true}
events: {webhooks: [{name: hook, url: %q, secret-file: %s}]}
logs:
  ship:
    - {name: file, to: file, path: %s, what: [application, access]}
    - {name: syslog, to: syslog, url: "tcp://%s", what: [application, access]}
`, lean, server.URL, key, file, collector.address))
	s.PushMimic("mimic:latest", "v1")
	in := s.Input("teller", "mimic:latest")
	in.InstanceConfiguration.InstanceRoleArn = new(instanceRole)
	teller, changing := s.Run(in), s.Run(s.Input("changing", "mimic:latest"))
	group := "/aws/apprunner/teller/" + *teller.ServiceId

	events := printing(t, s, kit.Binary("slipway"), "events", "--json", "-f", "--data-dir", s.Dir)
	lines := printing(t, s, kit.Binary("slipway"), "logs", "teller", "-f", "--data-dir", s.Dir)
	requests := printing(t, s, kit.Binary("slipway"), "logs", "teller", "--type", "access", "--output", "json", "-f", "--data-dir", s.Dir)
	tail := printing(t, s, tailCLI(t), "--endpoint-url", "http://"+s.API, "logs", "tail", group+"/application", "--follow", "--since", "1h")
	asked := s.Load(teller, kit.LoadOptions{Path: "/credentials", Clients: 4, Rate: 60, Want: isRole})
	askedKept := s.Load(teller, kit.LoadOptions{Path: "/credentials?keep=1", Clients: 1, Rate: 60, Want: isRole})
	said := begin(func(n int) error { return number(s, teller, n) })
	cycled := begin(func(int) error { return cycle(s, changing) })

	for range 3 {
		tunnel, echo := openTunnel(t, s, teller) // the old daemon stays while it is open
		old := s.PID()
		s.Replace(kit.Binary("slipway"))
		time.Sleep(time.Second) // they overlap
		if alive(old) != nil {
			t.Error("the old daemon has gone, though it has a client")
		}
		echoes(t, tunnel, echo)
		_ = tunnel.Close()
	}
	asked.End(t, "credentials, over new connections")
	askedKept.End(t, "credentials, over kept connections")
	count, cycles := said(t), cycled(t)
	t.Logf("%d lines were said, the other service was paused %d times", count, cycles)

	wantLines := func(t *testing.T, where string, slack int, read func() []byte) {
		t.Helper()
		s := s.With(t)
		s.Eventually("the last line is in "+where, 30*time.Second, func() error {
			if !bytes.Contains(read(), fmt.Appendf(nil, "line-%05d.", count)) {
				return kit.Errorf("it is not")
			}
			return nil
		})
		once(t, where, count, slack, read())
	}
	t.Run("webhook", func(t *testing.T) { wantDelivered(t, s.With(t), receiver) })
	t.Run("followed events", func(t *testing.T) { wantFollowed(t, s.With(t), events) })
	t.Run("followed output", func(t *testing.T) { wantLines(t, "slipway logs -f", 0, lines) })
	t.Run("followed requests", func(t *testing.T) { wantLines(t, "slipway logs --type access -f", overtaken, requests) })
	t.Run("aws logs tail", func(t *testing.T) { wantLines(t, "aws logs tail --follow", 0, tail) })
	for kind, slack := range map[string]int{"application": 0, "access": overtaken} {
		t.Run("file with "+kind, func(t *testing.T) {
			wantLines(t, "the file", slack, func() []byte { return having(content(file), `"log":"`+kind+`"`) })
		})
		t.Run("syslog with "+kind, func(t *testing.T) {
			wantLines(t, "syslog", slack, func() []byte { return having(collector.all(), " "+kind+" [origin") })
		})
	}
}

func isRole(body string) bool { return strings.TrimSpace(body) == instanceRole }

// number has an application print a line, which is a request as well.
func number(s *kit.Slipway, service *apprunnerapi.Service, n int) error {
	time.Sleep(10 * time.Millisecond)
	if code, body := s.Get(service, fmt.Sprintf("/say?text=line-%05d.", n)); code != 200 {
		return kit.Errorf("/say answers %d %s", code, body)
	}
	return nil
}

// cycle pauses a service and resumes it, as far as that goes at the moment.
func cycle(s *kit.Slipway, service *apprunnerapi.Service) error {
	var now apprunnerapi.DescribeServiceOutput
	if err := s.Call("DescribeService", map[string]string{"ServiceArn": *service.ServiceArn}, &now); err != nil {
		return err
	}
	do := map[apprunnerapi.ServiceStatus]string{apprunnerapi.ServiceStatusRunning: "PauseService", apprunnerapi.ServiceStatusPaused: "ResumeService"}[*now.Service.Status]
	if do == "" {
		time.Sleep(20 * time.Millisecond)
		return nil
	}
	time.Sleep(200 * time.Millisecond) // or events come faster than they are delivered
	_, _, err := s.TryDo(do, *service.ServiceArn)
	return err
}

// begin does something again and again, with 1, 2, 3 … What it returns ends that, and returns how often.
func begin(do func(n int) error) (end func(*testing.T) int) {
	stop, ended := make(chan struct{}), make(chan int)
	var failed []error
	go func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				ended <- n - 1
				return
			default:
			}
			if err := do(n); err != nil {
				failed = append(failed, err)
			}
		}
	}()
	return func(t *testing.T) int {
		t.Helper()
		close(stop)
		n := <-ended
		if len(failed) > 0 || n == 0 {
			t.Errorf("%d of %d failed, such as: %v", len(failed), n, failed[:min(3, len(failed))])
		}
		return n
	}
}

// printing runs a program that does not end by itself, with the root key. What it returns is what that has
// printed so far.
func printing(t *testing.T, s *kit.Slipway, program string, args ...string) func() []byte {
	t.Helper()
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	errors, err := os.CreateTemp(t.TempDir(), "err")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+s.Key().ID, "AWS_SECRET_ACCESS_KEY="+s.Key().Secret, "AWS_DEFAULT_REGION="+kit.Region,
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "PYTHONUNBUFFERED=1")
	cmd.Stdout, cmd.Stderr = out, errors
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		select {
		case err := <-ended:
			t.Errorf("%s %v ended: %v", program, args, err)
		default:
			_ = cmd.Process.Signal(syscall.SIGINT)
			<-ended
		}
		if t.Failed() {
			t.Logf("%s %v wrote:\n%s", filepath.Base(program), args, content(errors.Name()))
		}
		_, _ = out.Close(), errors.Close()
	})
	return func() []byte { return content(out.Name()) }
}

// having returns the lines of a text with words in them.
func having(text []byte, words string) (some []byte) {
	for line := range bytes.Lines(text) {
		if bytes.Contains(line, []byte(words)) {
			some = append(some, line...)
		}
	}
	return some
}

var numbered = regexp.MustCompile(`line-(\d{5})\.`)

// overtaken is by how many requests one may be overtaken in the access log: its line is written after its
// answer, when a client that is quick has already had the next ones.
const overtaken = 3

// once fails the test unless each line is there once, in order. So many lines may be before one that they
// belong after.
func once(t *testing.T, where string, count, slack int, text []byte) {
	t.Helper()
	times, last := map[int]int{}, 0
	var disorder []string
	for _, found := range numbered.FindAllSubmatch(text, -1) {
		n, err := strconv.Atoi(string(found[1]))
		if err != nil {
			t.Fatal(err)
		}
		if times[n]++; n < last-slack {
			disorder = append(disorder, fmt.Sprintf("%d after %d", n, last))
		}
		last = max(last, n)
	}
	var lost, twice []int
	for n := 1; n <= count; n++ {
		switch times[n] {
		case 0:
			lost = append(lost, n)
		case 1:
		default:
			twice = append(twice, n)
		}
	}
	if len(lost)+len(twice)+len(disorder) > 0 {
		t.Errorf("of %d lines, %s has %v not at all and %v more than once; out of order are %v", count, where, lost, twice, disorder)
	}
}

// wantDelivered holds what a webhook got against what happened.
func wantDelivered(t *testing.T, s *kit.Slipway, receiver *hook) {
	all := map[string][]event{}
	for _, e := range happened(t, s, "") {
		all[e.Detail.ServiceName] = append(all[e.Detail.ServiceName], e)
	}
	var arrived map[string][]event
	for name, told := range all {
		s.Eventually("every event of "+name+" has arrived", 30*time.Second, func() error {
			arrived = map[string][]event{}
			for _, e := range receiver.all() {
				arrived[e.Detail.ServiceName] = append(arrived[e.Detail.ServiceName], e)
			}
			if have := len(arrived[name]); have < len(told) {
				return kit.Errorf("%d of %d have", have, len(told))
			}
			return nil
		})
		if diff := cmp.Diff(told, arrived[name]); diff != "" {
			t.Errorf("the webhook got of %s (-told +got):\n%s", name, diff)
		}
		t.Logf("%s: %d events", name, len(told))
	}
	if n := len(all["changing"]); n < 20 {
		t.Errorf("only %d events happened to the service that changes", n)
	}
}

// wantFollowed holds what "slipway events -f" printed against what happened.
func wantFollowed(t *testing.T, s *kit.Slipway, printed func() []byte) {
	told := happened(t, s, "")
	var got []event
	s.Eventually("every event was printed", 10*time.Second, func() error {
		got = nil
		for line := range bytes.Lines(printed()) {
			var e event
			if err := json.Unmarshal(line, &e); err != nil {
				return kit.Errorf("%s: %v", line, err)
			}
			got = append(got, e)
		}
		if len(got) < len(told) {
			return kit.Errorf("%d of %d were", len(got), len(told))
		}
		return nil
	})
	if diff := cmp.Diff(told, got); diff != "" {
		t.Errorf("slipway events -f (-told +printed):\n%s", diff)
	}
}

// collector is a syslog server over TCP.
type collector struct {
	address string
	mu      sync.Mutex
	text    []byte // a line for each message
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{address: l.Addr().String()}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { c.read(conn) })
		}
	})
	t.Cleanup(func() { _ = l.Close() })
	return c
}

// read takes messages, each with its length before it, until the other side ends.
func (c *collector) read(conn net.Conn) {
	defer conn.Close()
	for in := bufio.NewReader(conn); ; {
		length, err := in.ReadString(' ')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSpace(length))
		if err != nil {
			return
		}
		message := make([]byte, n)
		if _, err := io.ReadFull(in, message); err != nil {
			return
		}
		c.mu.Lock()
		c.text = append(append(c.text, message...), '\n')
		c.mu.Unlock()
	}
}

func (c *collector) all() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.text)
}
