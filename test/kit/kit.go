// Package kit runs the real program for the tests: a daemon with a data directory of its own, its
// command line, the AWS CLI, and images made on the spot.
package kit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/daemon"
	"github.com/slipway-run/slipway/internal/iam"
)

// Slipway is a daemon under test.
type Slipway struct {
	t      testing.TB
	Dir    string // its data directory
	API    string // host:port of the API
	HTTP   string // host:port of applications
	Config string // the text of its configuration file
	Env    []string
	Region string // that calls of the API are signed for
	Wide   bool   // the daemon listens on every address of the machine

	key *iam.Key // nil for the root key

	*running // shared by all that With made
}

// running is the process of a daemon.
type running struct {
	process  *exec.Cmd
	ended    chan error
	replaced []chan error // the ends of those before
	log      *os.File
}

// Root is the top of the repository, also for the tests that are a module of their own.
func Root() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "cmd", "slipway")); err == nil {
			return dir
		}
	}
	panic("the tests do not run inside of the repository")
}

// Binary is the path of a program that the build made.
func Binary(name string) string { return filepath.Join(Root(), "bin", name) }

// Need skips the test where containers cannot run, unless the environment says that they must.
func Need(t testing.TB) {
	t.Helper()
	missing := ""
	if os.Geteuid() != 0 {
		missing = "containers need root"
	} else if _, err := os.Stat(Binary("slipway")); err != nil {
		missing = "bin/slipway is not built: run make build"
	}
	if missing == "" {
		return
	}
	if os.Getenv("SLIPWAY_TEST_REQUIRE") != "" || os.Getenv("CI") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
}

// New makes a Slipway that does not run yet. Its data directory is deleted when the test ends, with
// everything that it runs. Config is the text of its configuration file.
func New(t testing.TB, config string) *Slipway {
	t.Helper()
	Need(t)
	dir, err := os.MkdirTemp("", "sw") // short: the paths of sockets are limited
	if err != nil {
		t.Fatal(err)
	}
	s := &Slipway{t: t, Dir: dir, Config: config, Region: Region, running: &running{}, API: FreeAddress(t), HTTP: FreeAddress(t)}
	s.Configure(config)
	t.Cleanup(s.destroy)
	return s
}

// Configure replaces the configuration file. It is read at the next start.
func (s *Slipway) Configure(config string) {
	s.t.Helper()
	s.Config = config
	if !strings.Contains(config, "throttle:") {
		config += "\nthrottle: {rate: 100000, burst: 100000}\n" // tests poll
	}
	if err := os.WriteFile(filepath.Join(s.Dir, daemon.ConfigFile), []byte(config), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// Start makes a Slipway that runs.
func Start(t testing.TB, config string) *Slipway {
	t.Helper()
	s := New(t, config)
	s.Start()
	return s
}

// With is the same Slipway for a subtest, which its failures then belong to.
func (s *Slipway) With(t testing.TB) *Slipway {
	c := *s
	c.t = t
	return &c
}

// Start starts the daemon and waits until it is ready.
func (s *Slipway) Start() {
	s.t.Helper()
	s.Spawn()
	s.AwaitReady()
}

// Spawn starts the daemon and does not wait.
func (s *Slipway) Spawn() {
	s.t.Helper()
	_ = os.Remove(filepath.Join(s.Dir, "daemon.json"))
	s.spawn(Binary("slipway"))
}

// Replace starts another daemon that takes over, as a process of its own program or another one, and waits
// until it serves. The one before ends by itself.
func (s *Slipway) Replace(program string) {
	s.t.Helper()
	ended := s.StartReplacement(program)
	s.Eventually("the new daemon serves", 30*time.Second, func() error {
		select {
		case err := <-ended:
			s.t.Fatalf("the new daemon ended: %v\n%s", err, s.Log())
		default:
		}
		if pid := s.Serving(); pid != s.PID() {
			return Errorf("process %d serves", pid)
		}
		return nil
	})
}

// StartReplacement starts a daemon that is to take over, and does not wait. What it returns is told its end.
func (s *Slipway) StartReplacement(program string) <-chan error {
	s.t.Helper()
	s.replaced = append(s.replaced, s.ended)
	s.spawn(program, "--take-over")
	return s.ended
}

// Serving is the process id of the daemon that serves, which a daemon may have started itself.
func (s *Slipway) Serving() int {
	s.t.Helper()
	info, err := daemon.ReadInfo(s.Dir)
	if err != nil {
		s.t.Fatal(err)
	}
	return info.PID
}

// AwaitOther waits until another process than this one serves.
func (s *Slipway) AwaitOther(pid int, within time.Duration) {
	s.t.Helper()
	dead := s.PID()
	s.Eventually("another daemon serves", within, func() error {
		if now := s.Serving(); now == pid || now == dead {
			return Errorf("process %d does", now)
		}
		return nil
	})
}

func (s *Slipway) spawn(program string, more ...string) {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.Dir, "test.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	s.log = log
	api, applications := s.API, s.HTTP
	if s.Wide {
		api, applications = strings.Replace(api, "127.0.0.1", "0.0.0.0", 1), strings.Replace(applications, "127.0.0.1", "0.0.0.0", 1)
	}
	args := append([]string{"serve", "--data-dir", s.Dir, "--api-listen", api, "--http-listen", applications}, more...)
	s.process = exec.Command(program, args...)
	s.process.Env = append(os.Environ(), s.Env...)
	s.process.Stdout, s.process.Stderr = log, log
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.ended = make(chan error, 1)
	go func(p *exec.Cmd, ended chan error) { ended <- p.Wait(); close(ended) }(s.process, s.ended)
}

// AwaitReady waits until the daemon answers.
func (s *Slipway) AwaitReady() {
	s.t.Helper()
	s.Eventually("the daemon is ready", 60*time.Second, func() error {
		select {
		case err := <-s.ended:
			s.t.Fatalf("slipway serve ended: %v\n%s", err, s.Log())
		default:
		}
		_, err := daemon.ReadInfo(s.Dir)
		return err
	})
}

// PID is the process id of the daemon.
func (s *Slipway) PID() int { return s.process.Process.Pid }

// Kill ends the daemon with SIGKILL, as a crash would.
func (s *Slipway) Kill() {
	s.t.Helper()
	if err := s.process.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Fatal(err)
	}
	<-s.ended
	_ = s.log.Close()
}

// AwaitEnd waits until the daemon has ended by itself.
func (s *Slipway) AwaitEnd(within time.Duration) {
	s.t.Helper()
	select {
	case <-s.ended:
		_ = s.log.Close()
	case <-time.After(within):
		s.t.Fatalf("the daemon did not end within %v\n%s", within, s.Log())
	}
}

// Stop ends the daemon with SIGTERM. Instances go on.
func (s *Slipway) Stop() {
	s.t.Helper()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	s.AwaitEnd(30 * time.Second)
}

// Log is what the daemon wrote last, without the calls of its API.
func (s *Slipway) Log() string {
	data, _ := os.ReadFile(filepath.Join(s.Dir, "test.log"))
	var log strings.Builder
	for line := range strings.Lines(string(data)) {
		if !strings.Contains(line, `msg="api call"`) {
			log.WriteString(line)
		}
	}
	text := log.String()
	return text[max(0, len(text)-8192):]
}

func (s *Slipway) destroy() {
	if s.t.Failed() {
		s.t.Logf("the daemon wrote:\n%s", s.Log())
		engine, _ := os.ReadFile(filepath.Join(s.Dir, "engine", "containerd.log"))
		s.t.Logf("containerd wrote:\n%s", engine[max(0, len(engine)-80000):])
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, Binary("slipway"), "down", "--data-dir", s.Dir, "--delete-data").CombinedOutput()
	if err != nil {
		s.t.Errorf("slipway down: %v\n%s", err, out)
	}
	if s.ended != nil {
		<-s.ended
	}
	for _, before := range s.replaced {
		<-before
	}
}

// Key is the access key that calls are made with: the root key, or what As was given.
func (s *Slipway) Key() iam.Key {
	s.t.Helper()
	if s.key != nil {
		return *s.key
	}
	key, err := iam.ReadRoot(s.Dir)
	if err != nil {
		s.t.Fatal(err)
	}
	return key
}

// Try runs the program's command line.
func (s *Slipway) Try(args ...string) (stdout, stderr string, err error) {
	return run(s.t, nil, Binary("slipway"), append(args, s.flags()...)...)
}

// flags are those that every command needs.
func (s *Slipway) flags() []string {
	if s.Region == Region {
		return []string{"--data-dir", s.Dir}
	}
	return []string{"--data-dir", s.Dir, "--region", s.Region}
}

// CLI runs the program's command line, which must succeed, and returns what it printed.
func (s *Slipway) CLI(args ...string) string {
	s.t.Helper()
	out, errOut, err := s.Try(args...)
	if err != nil {
		s.t.Fatalf("slipway %s: %v\n%s%s", strings.Join(args, " "), err, out, errOut)
	}
	return out
}

// TryWith runs the program's command line with text on its standard input.
func (s *Slipway) TryWith(stdin string, args ...string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var out, errOut bytes.Buffer
	cmd := exec.CommandContext(ctx, Binary("slipway"), append(args, s.flags()...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errOut
	err = cmd.Run()
	return out.String(), errOut.String(), err
}

// TryAWS runs "aws apprunner" as a user does after eval "$(slipway env)".
func (s *Slipway) TryAWS(args ...string) (stdout, stderr string, err error) {
	return s.TryAWSFor("apprunner", args...)
}

// TryAWSFor runs the AWS CLI for another service, such as "ecr".
func (s *Slipway) TryAWSFor(service string, args ...string) (stdout, stderr string, err error) {
	script := `eval "$("$0" env --data-dir "$1")" && shift && exec "$@"`
	all := append([]string{"-c", script, Binary("slipway"), s.Dir, Binary("tools/aws/bin/aws"), service, "--region", s.Region}, args...)
	return run(s.t, nil, "sh", all...)
}

// RunAWS runs "aws apprunner" with environment variables and without the profile of the daemon.
func (s *Slipway) RunAWS(env []string, args ...string) (stdout, stderr string, err error) {
	s.t.Helper()
	return s.RunAWSFor(env, "apprunner", args...)
}

// RunAWSFor is RunAWS for another service.
func (s *Slipway) RunAWSFor(env []string, service string, args ...string) (stdout, stderr string, err error) {
	s.t.Helper()
	return run(s.t, env, Binary("tools/aws/bin/aws"), append([]string{service}, args...)...)
}

// AWS runs "aws apprunner", which must succeed, and reads its answer into out unless that is nil.
func (s *Slipway) AWS(out any, args ...string) {
	s.t.Helper()
	stdout, stderr, err := s.TryAWS(args...)
	if err != nil {
		s.t.Fatalf("aws apprunner %s: %v\n%s", strings.Join(args, " "), err, stderr)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal([]byte(stdout), out); err != nil {
		s.t.Fatalf("aws apprunner %s printed no JSON: %v\n%s", strings.Join(args, " "), err, stdout)
	}
}

// limit is how long a command may take: a build of source code on a busy machine takes minutes.
const limit = 8 * time.Minute

func run(t testing.TB, env []string, name string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var out, errOut bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	cmd.Env = append(os.Environ(), env...)
	err = cmd.Run()
	return out.String(), errOut.String(), err
}

// Eventually waits until f returns nil, and fails the test with its last error when that takes too
// long.
func (s *Slipway) Eventually(what string, within time.Duration, f func() error) {
	s.t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("waited %v, but not yet: %s: %v", within, what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Errorf is fmt.Errorf, for conditions that are not met yet.
func Errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }
