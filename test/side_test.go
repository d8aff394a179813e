package test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-run/slipway/test/kit"
)

// TestSideBySide runs two Slipways with different data directories on this machine.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	first, second := kit.Start(t, quick), kit.Start(t, quick)
	start(t, first)
	serves := start(t, second)
	for kind, want := range map[string]int{
		"daemon": 1, "containerd": 1, "shim": 1, "log writer": 1, "process of an instance": 1, "bridge": 1,
		"loop device": 1, "instance": 1, "nftables": 1, "sockets": 1, "cable": 1, "namespace": 1, "mount": 3, "cgroup": 2,
	} {
		// Or the search below finds nothing because it looks for the wrong names.
		if got := first.Machine()[kind]; len(got) < want {
			t.Errorf("there are %d of %q while it runs, want at least %d", len(got), kind, want)
		}
	}
	before := second.Instances()
	clients := call(second, serves, 2)
	first.CLI("down")
	if left := first.Machine(); len(left) > 0 {
		t.Errorf("after down there is left:\n%v", left)
	}
	clients.end(t)
	if now := second.Instances(); len(now) != 1 || now[only(before)] != before[only(before)] {
		t.Errorf("the instances of the other Slipway were %v and are %v", before, now)
	}
	// Down again is harmless, and says what there is.
	first.CLI("down")
	first.Start()
	first.AwaitSettled(1)
	if code, body := first.Get(find(t, first, "web-app"), "/"); code != 200 {
		t.Errorf("after down and serve the URL answers %d %q", code, body)
	}
	// What is left of a crash goes as well.
	first.Kill()
	kill(t, first.PIDs("containerd")...)
	first.CLI("down", "--delete-data")
	if left := first.Machine(); len(left) > 0 {
		t.Errorf("after a crash and down there is left:\n%v", left)
	}
	if _, err := os.Stat(first.Dir); !os.IsNotExist(err) {
		t.Errorf("the data directory is still there: %v", err)
	}
	if code, body := second.Get(serves, "/"); code != 200 || !strings.HasPrefix(body, "u0 ") {
		t.Errorf("the other Slipway answers %d %q", code, body)
	}
}

func only(instances map[string]string) string {
	for id := range instances {
		return id
	}
	return ""
}

// TestOneDaemonPerDirectory refuses a second daemon, and says why.
func TestOneDaemonPerDirectory(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, quick)
	_, stderr, err := s.Try("serve", "--api-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0")
	if err == nil || !strings.Contains(stderr, "another Slipway runs in") {
		t.Errorf("a second daemon: %v, %q", err, stderr)
	}
	if s.CLI("services"); len(s.PIDs("daemon")) != 1 {
		t.Errorf("daemons: %v", s.PIDs("daemon"))
	}
}

// TestWithoutRoot runs the program as a user who may not make containers.
func TestWithoutRoot(t *testing.T) {
	t.Parallel()
	kit.Need(t)
	dir, err := os.MkdirTemp("", "sw") // not that of the test, which others may not enter
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	const nobody = 65534
	// The repository may be where others cannot go either.
	program, err := os.ReadFile(kit.Binary("slipway"))
	if err != nil {
		t.Fatal(err)
	}
	file, data := filepath.Join(dir, "slipway"), filepath.Join(dir, "data")
	for _, err := range []error{
		os.WriteFile(file, program, 0o755), os.Chmod(dir, 0o755), os.Mkdir(data, 0o700), os.Chown(data, nobody, nobody),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, command := range []string{"serve", "doctor"} {
		cmd := exec.CommandContext(t.Context(), file, command, "--data-dir", data)
		cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/bin:/bin"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err == nil {
			t.Errorf("%s without root succeeds", command)
		}
		for _, want := range []string{"does not run as root", "To do: Run it with sudo"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s without root says\n%swithout %q", command, out.String(), want)
			}
		}
		if left, err := os.ReadDir(data); err != nil || len(left) > 0 {
			t.Errorf("%s without root leaves %v, %v", command, left, err)
		}
	}
}
