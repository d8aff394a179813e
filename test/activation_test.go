package test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-run/slipway/test/kit"
)

// TestSocketActivation starts the daemon as systemd does: with sockets that are open already, and a socket
// for notices. Connections wait while no daemon runs.
func TestSocketActivation(t *testing.T) {
	t.Parallel()
	s := kit.New(t, quick)
	var files []*os.File
	for _, address := range []string{s.API, s.HTTP} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		file, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		t.Cleanup(func() { _ = file.Close() })
		files = append(files, file)
	}
	notices, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(s.Dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notices.Close()
	serve := func(names string) *exec.Cmd {
		// The addresses of the configuration are not used: what systemd passes is what counts.
		cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh", kit.Binary("slipway"), "serve",
			"--data-dir", s.Dir, "--api-listen", "127.0.0.1:1", "--http-listen", "127.0.0.1:1")
		cmd.Env = append(os.Environ(), "LISTEN_FDS=2", "LISTEN_FDNAMES="+names, "NOTIFY_SOCKET="+filepath.Join(s.Dir, "notify"))
		cmd.ExtraFiles = files
		return cmd
	}
	if out, err := serve("api:web").CombinedOutput(); err == nil || !strings.Contains(string(out), `named "web": its unit needs FileDescriptorName= api, http`) {
		t.Fatalf("with a name that is none: %v\n%s", err, out)
	}
	early := make(chan error, 1)
	go func() { // before anything runs
		_, err := s.Client().Get("http://nobody.localhost/")
		early <- err
	}()
	for range 2 {
		cmd := serve("api:http")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		notice := make([]byte, 100)
		_ = notices.SetReadDeadline(time.Now().Add(30 * time.Second))
		n, err := notices.Read(notice)
		want := "MAINPID=" + strconv.Itoa(cmd.Process.Pid) + "\nREADY=1"
		if err != nil || string(notice[:n]) != want {
			t.Errorf("systemd is told %q, %v, want %q", notice[:n], err, want)
		}
		if _, errOut, err := s.Try("services"); err != nil {
			t.Errorf("the API on the socket of systemd: %v %s", err, errOut)
		}
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	if err := <-early; err != nil {
		t.Errorf("a connection from before the start: %v", err)
	}
}
