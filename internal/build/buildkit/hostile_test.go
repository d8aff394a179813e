package buildkit_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/build/plan"
)

// A command that tries to get out prints ESCAPED when it does.
func TestHostileCommandsStayInside(t *testing.T) {
	t.Parallel()
	w := common(t)
	secret := filepath.Join(w.options.DataDir, "secret")
	if err := os.WriteFile(secret, []byte("key"), 0o644); err != nil {
		t.Fatal(err)
	}
	everywhere, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = everywhere.Close() }) // after the commands that are to find it closed to them
	_, port, _ := net.SplitHostPort(everywhere.Addr().String())
	_, registry, _ := net.SplitHostPort(w.host)
	reach := func(address string, port string) string {
		return fmt.Sprintf("if nc -w 1 %s %s </dev/null; then echo ESCAPED to %s; fi", address, port, address)
	}
	gateway := w.engine.Gateway().String()
	outside := hostAddress(t)
	for name, script := range map[string]string{
		"files of the host by path":      "ls " + secret + " && echo ESCAPED; true",
		"files of the host by process 1": "ls /proc/1/root" + secret + " && echo ESCAPED; true",
		"processes of the host":          "test $(ls -d /proc/[0-9]* | wc -l) -lt 20 || echo ESCAPED",
		"sockets of the engine":          "find / -type s | grep . && echo ESCAPED; true",
		"mount":                          "mount -t tmpfs none /tmp && echo ESCAPED; mount -t proc none /tmp && echo ESCAPED; true",
		"mount of cgroups":               "mount -t cgroup none /tmp && echo ESCAPED; mount -t cgroup2 none /tmp && echo ESCAPED; true",
		"disks":                          "mknod /tmp/disk b 254 0; head -c 1 /tmp/disk && echo ESCAPED; ls /dev/vda /dev/sda /dev/loop0 && echo ESCAPED; true",
		"memory":                         "mknod /tmp/mem c 1 1; head -c 1 /tmp/mem && echo ESCAPED; true",
		"kernel settings":                "echo x >/proc/sys/kernel/hostname && echo ESCAPED; echo b >/proc/sysrq-trigger && echo ESCAPED; true",
		"clock":                          "date -s 2001-01-01; test $(date +%Y) -gt 2001 || echo ESCAPED",
		"loopback":                       reach("127.0.0.1", port) + "; " + reach("127.0.0.1", registry),
		"the host by its bridge":         reach(gateway, port) + "; " + reach(gateway, registry),
		"the host by its address":        reach(outside, port),
		"the gateway of steps":           reach("198.19.0.1", port) + "; " + reach("198.19.0.1", "53"),
		"credentials of the cloud":       reach("169.254.169.254", "80"),
		"environment of Slipway":         "env | grep -i -E 'slipway_|aws_' && echo ESCAPED; true",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := *w
			w.t = t
			l := &log{}
			w.build(w.job(l, repository(t, nil), w.scripts(script)))
			for _, line := range l.lines {
				if strings.HasPrefix(line, "[Build] ESCAPED") {
					t.Errorf("it got out:\n%s", l)
				}
			}
		})
	}
}

// hostAddress is an address of this machine that is not loopback.
func hostAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil && ip.IP.IsGlobalUnicast() && !strings.HasPrefix(ip.IP.String(), "10.") {
			return ip.IP.String()
		}
	}
	unable(t, "this machine has no address beside loopback")
	return ""
}

// Two builds at once do not see each other: one listens, the other looks for it everywhere.
func TestBuildsDoNotReachEachOther(t *testing.T) {
	t.Parallel()
	w := common(t)
	ctx, cancel := context.WithCancel(t.Context())
	l := &log{seen: make(chan string, 100)}
	done := make(chan error, 1)
	go func() {
		job := w.job(l, repository(t, nil), w.scripts("ip -4 addr | grep 'inet 198'; nc -l -p 7777; sleep 60"))
		job.Scope = "listener"
		_, err := w.builder.Build(ctx, job)
		done <- err
	}()
	address := ""
	for address == "" {
		select {
		case line := <-l.seen:
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "inet" {
				address, _, _ = strings.Cut(fields[1], "/")
			}
		case err := <-done:
			t.Fatalf("the listening build ended: %v\n%s", err, l)
		}
	}
	other := &log{}
	w.build(w.job(other, repository(t, nil), w.scripts(
		fmt.Sprintf("for i in 1 2 3; do if nc -w 1 %s 7777 </dev/null; then echo REACHED; fi; done; if nc -w 1 127.0.0.1 7777 </dev/null; then echo REACHED; fi; true", address))))
	for _, line := range other.lines {
		if line == "[Build] REACHED" {
			t.Errorf("a build reached another at %s:\n%s", address, other)
		}
	}
	begin := time.Now()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled build: %v", err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %v to cancel a build", took)
	}
}

// A build that is cancelled leaves no process, even one that ignores signals.
func TestCancelEndsCommandsThatIgnoreSignals(t *testing.T) {
	t.Parallel()
	w := common(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l := &log{seen: make(chan string, 100)}
	done := make(chan error, 1)
	go func() {
		_, err := w.builder.Build(ctx, w.job(l, repository(t, nil), w.scripts("trap '' TERM INT HUP; (trap '' TERM; sleep 61.5) & echo ready; sleep 61.5; sleep 61.5")))
		done <- err
	}()
	for line := ""; line != "ready"; {
		select {
		case line = <-l.seen:
		case err := <-done:
			t.Fatalf("the build ended: %v\n%s", err, l)
		}
	}
	await(t, "the command", func() bool { return len(processes(t, "sleep\x0061.5")) > 0 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled build: %v", err)
	}
	for deadline := time.Now().Add(10 * time.Second); len(processes(t, "sleep\x0061.5")) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the command goes on")
		}
	}
}

// processes are those whose command line contains text.
func processes(t testing.TB, text string) (found []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		if data, err := os.ReadFile(file); err == nil && strings.Contains(string(data), text) {
			found = append(found, file)
		}
	}
	return found
}

func TestBackgroundProcessesEndWithTheirStep(t *testing.T) {
	t.Parallel()
	w := common(t)
	l := &log{}
	begin := time.Now()
	w.build(w.job(l, repository(t, nil), w.scripts("sleep 62.5 & echo left behind", "echo next")))
	if took := time.Since(begin); took > 55*time.Second {
		t.Errorf("the build waited %v for a process in the background", took)
	}
	if found := processes(t, "sleep\x0062.5"); len(found) > 0 {
		t.Errorf("it goes on: %q", found)
	}
}

// What a command uses up ends the command alone, with a reason. The builder goes on.
func TestCommandsThatUseUpTheMachine(t *testing.T) {
	t.Parallel()
	limits := limits()
	limits.Memory, limits.Pids, limits.Disk, limits.KeepCache, limits.Timeout = 128<<20, 64, 512<<20, 256<<20, time.Minute
	w := own(t, limits, nil)
	for _, c := range []struct {
		name, script, reason string
		code                 int
	}{
		{"memory", `x=$(seq 1 100); while true; do x="$x$x"; done`, "reached its memory limit of 128 MB", 137},
		{"disk", "dd if=/dev/zero of=big bs=1M", "the disk of builds is full (512 MB)", 0},
		{"processes", "bomb() { bomb | bomb & }; bomb; sleep 1; for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait; exit 3", "", 0},
	} {
		l := &log{}
		job := w.job(l, repository(t, nil), w.scripts(c.script))
		job.Scope = c.name
		failure := w.fail(t.Context(), job)
		if !strings.Contains(failure.Reason, c.reason) || failure.ExitCode != c.code && c.reason != "" || failure.Phase != plan.Build || failure.Command != c.script {
			t.Errorf("%s: %+v\n%s", c.name, *failure, l)
		}
		t.Logf("%s: %s", c.name, failure.Reason)
		job = w.job(&log{}, repository(t, nil), w.scripts("echo fine "+c.name))
		w.build(job)
	}
}

func TestTimeLimit(t *testing.T) {
	t.Parallel()
	limits := limits()
	limits.Timeout = 10 * time.Second
	w := own(t, limits, nil)
	l := &log{}
	failure := w.fail(t.Context(), w.job(l, repository(t, nil), w.scripts("trap '' TERM; sleep 100")))
	if failure.Command != "trap '' TERM; sleep 100" || !strings.Contains(failure.Reason, "did not end within 10s; it was at \"trap '' TERM; sleep 100\" in phase Build") {
		t.Errorf("%+v\n%s", *failure, l)
	}
}

func TestHugeOutputIsCut(t *testing.T) {
	t.Parallel()
	w := common(t)
	l := &log{}
	failure := w.fail(t.Context(), w.job(l, repository(t, nil), w.scripts("yes 0123456789 | head -c 20000000; echo; echo the end; exit 7")))
	if failure.ExitCode != 7 || !strings.Contains(failure.Reason, "its last line: the end") || failure.Output[len(failure.Output)-1] != "the end" {
		t.Errorf("%+v", failure)
	}
	if len(l.lines) > 21_000 {
		t.Errorf("%d lines were passed on", len(l.lines))
	}
	if last := l.lines[len(l.lines)-1]; !strings.HasSuffix(last, "lines of output were left out.") {
		t.Errorf("the log ends with %q", last)
	}
}

func TestQueueTellsThatItWaits(t *testing.T) {
	t.Parallel()
	limits := limits()
	limits.Concurrency = 1
	w := own(t, limits, nil)
	first, second := &log{seen: make(chan string, 10)}, &log{}
	done := make(chan error, 1)
	go func() {
		job := w.job(first, repository(t, nil), w.scripts("sleep 2"))
		job.Scope = "first"
		_, err := w.builder.Build(t.Context(), job)
		done <- err
	}()
	<-first.seen
	w.build(w.job(second, repository(t, nil), w.scripts("echo mine")))
	if err := <-done; err != nil {
		t.Error(err)
	}
	if second.lines[0] != "[] Waiting for another build to end; this one is next." {
		t.Errorf("log:\n%s", second)
	}
}
