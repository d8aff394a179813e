package test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/build/runtimes"
	"github.com/slipway-run/slipway/test/kit"
)

// Runtime images that were built here are in the catalogue, and run as the images of services.
func TestRuntimes(t *testing.T) {
	s := kit.Start(t, "timeouts: {stop: 1s}\n")
	s.BuildRuntimes("python311", "nodejs22")
	list := s.CLI("runtimes", "list", "--images")
	for _, want := range []string{"python311   3.11.2    built here  supported", "python311   3.11.17   public", "slipway/runtime/nodejs22@sha256:", "dotnet8 cannot be built here: The SDK of .NET comes from Microsoft alone"} {
		if !strings.Contains(list, want) {
			t.Errorf("there is no %q in\n%s", want, list)
		}
	}
	file := filepath.Join(s.Dir, runtimes.SiteFile)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	catalogue, err := runtimes.Load(file, text)
	if err != nil {
		t.Fatal(err)
	}
	for name, command := range map[string]string{
		"python311": "python3 -m http.server 8080",
		"nodejs22":  `node -e 'require("http").createServer((q, a) => a.end("node")).listen(8080)'`,
	} {
		images, err := catalogue.Pick(name, "")
		if err != nil || !images.Site {
			t.Fatalf("builds get %+v, %v", images, err)
		}
		in := s.Input(name, "x")
		in.SourceConfiguration.ImageRepository.ImageIdentifier = &images.Run
		in.SourceConfiguration.ImageRepository.ImageConfiguration.StartCommand = &command
		s.Run(in)
	}

	s.BuildRuntimes("python311", "nodejs22") // the same again
	again, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), string(again)); diff != "" {
		t.Errorf("the same images are written differently:\n%s", diff)
	}
}

// A build of runtimes that is killed leaves no process and no mount, and the next one goes on.
func TestRuntimesKilled(t *testing.T) {
	kit.Need(t)
	kit.NeedRuntimes(t)
	cache := t.TempDir()
	build := exec.Command(kit.Binary("slipway"), "runtimes", "build", "--cache", cache, "--prepare", "nodejs22")
	if err := build.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "Debian is being unpacked", func() bool {
		found, _ := filepath.Glob(filepath.Join(cache, "tmp", "*", "files", "usr", "bin"))
		return len(found) > 0
	})
	if err := build.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = build.Wait()
	await(t, "nothing is left of it", func() bool {
		mounts, err := os.ReadFile("/proc/self/mountinfo")
		if err != nil {
			t.Fatal(err)
		}
		return !strings.Contains(string(mounts), cache) && !working(t, cache)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, kit.Binary("slipway"), "runtimes", "build", "--cache", cache, "--prepare", "nodejs22").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "is in the cache") {
		t.Fatalf("%v\n%s", err, out)
	}
	if left, _ := filepath.Glob(filepath.Join(cache, "tmp")); len(left) > 0 {
		t.Errorf("%s are left", left)
	}
	// A second time there is nothing to do, and so no root or Debian that is needed.
	begin := time.Now()
	second := exec.CommandContext(ctx, kit.Binary("slipway"), "runtimes", "build", "--cache", cache, "--prepare", "nodejs22")
	second.Env = []string{"PATH=/nowhere"}
	if out, err := second.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("from the cache in %v", time.Since(begin))
}

// working tells whether a process has its directory or an argument below dir.
func working(t *testing.T, dir string) bool {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		cwd, _ := os.Readlink(filepath.Join(p, "cwd"))
		args, _ := os.ReadFile(filepath.Join(p, "cmdline"))
		if strings.HasPrefix(cwd, dir) || strings.Contains(string(args), dir) {
			return true
		}
	}
	return false
}

func await(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not yet: %s", what)
		}
	}
}
