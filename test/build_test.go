package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/test/kit"
)

// slow writes an application whose build waits: a step that announces itself by a process that can be
// found, and takes its time.
func slow(t *testing.T, s *kit.Slipway, dir, seconds string) {
	t.Helper()
	s.Push(kit.Busybox(t), "busybox:1")
	application(t, dir, "v1")
	dockerfile := "FROM " + s.API + "/busybox:1 AS build\nRUN trap '' TERM; echo begun; sleep " + seconds + "\nFROM scratch\nCOPY mimic /mimic\n" +
		"COPY --from=build /bin/busybox /busybox\nENV VERSION=v1\nENTRYPOINT [\"/mimic\"]\n"
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o600); err != nil {
		t.Fatal(err)
	}
}

// running reports whether a process with these arguments runs.
func running(t *testing.T, args ...string) bool {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil && string(data) == strings.Join(args, "\x00")+"\x00" {
			return true
		}
	}
	return false
}

func awaitBuild(t *testing.T, s *kit.Slipway, seconds string) {
	t.Helper()
	s.Eventually("the build is at its slow step", time.Minute, func() error {
		if !running(t, "sleep", seconds) {
			return kit.Errorf("there is no such command")
		}
		return nil
	})
}

// TestDownDuringABuild takes a Slipway down while a command of a build runs, which ignores signals.
// Nothing is left. What comes up again builds again, and ends where it was going.
func TestDownDuringABuild(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	s := kit.Start(t, "timeouts: {stop: 1s}\n")
	dir := filepath.Join(t.TempDir(), "slow")
	slow(t, s, dir, "5.25")
	s.CLI("deploy", dir, "--detach")
	awaitBuild(t, s, "5.25")
	begin := time.Now()
	s.CLI("down")
	t.Logf("down took %v", time.Since(begin))
	for what, found := range traces(t, s) {
		if len(found) > 0 {
			t.Errorf("slipway down left %s: %q", what, found)
		}
	}
	if running(t, "sleep", "5.25") {
		t.Error("the command of the build goes on")
	}
	s.AwaitEnd(time.Second)
	s.Start()
	s.Eventually("the service runs", time.Minute, func() error { return serves(s, s.Describe(arnOf(s, "slow")), "v1 instance")() })
}

// TestKillDuringABuild kills the daemon while a command of a build runs. The next daemon ends the
// command, builds again, and deploys.
func TestKillDuringABuild(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	s := kit.Start(t, "timeouts: {stop: 1s}\n")
	dir := filepath.Join(t.TempDir(), "slow")
	slow(t, s, dir, "4.25")
	s.CLI("deploy", dir, "--detach")
	awaitBuild(t, s, "4.25")
	s.Kill()
	s.Start()
	s.Eventually("the service runs", time.Minute, func() error { return serves(s, s.Describe(arnOf(s, "slow")), "v1 instance")() })
	if running(t, "sleep", "4.25") {
		t.Error("a command of the build of the killed daemon goes on")
	}
}
