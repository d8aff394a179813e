package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/test/kit"
)

// slowBuild is an application whose build takes ten minutes.
const slowBuild = `version: 1.0
runtime: python311
build:
  commands:
    build:
      - sleep 600.5
run:
  command: python3 -m http.server 8080
`

// testCancel cancels a build: its commands end, and the service is there to be built again.
func testCancel(t *testing.T, s *kit.Slipway) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "apprunner.yaml"), []byte(slowBuild), 0o600); err != nil {
		t.Fatal(err)
	}
	id := strings.TrimSpace(s.CLI("deploy", dir, "--name", "slow-build", "--detach"))
	s.Eventually("the command runs", 5*time.Minute, func() error {
		if log := s.DeploymentLog("slow-build", id); !strings.Contains(log, "$ sleep 600.5") {
			return kit.Errorf("the log says:\n%s", log)
		}
		return nil
	})
	if out := s.CLI("cancel", "slow-build"); !strings.Contains(out, "CREATE_SERVICE is cancelled: FAILED.") {
		t.Errorf("slipway cancel says %q", out)
	}
	s.Eventually("the command has ended", time.Minute, func() error {
		if found, _ := exec.Command("pgrep", "-f", "sleep 600[.]5").Output(); len(found) > 0 {
			return kit.Errorf("it runs as process %s", found)
		}
		return nil
	})
	if got := s.Operations("slow-build")[0]; got.Reason != "The operation was cancelled." || got.Source != "" {
		t.Errorf("the operation %+v", got)
	}
}

// TestExamples deploys every example as the README tells, with real package managers, and calls it. That
// of .NET is not among them: the SDK cannot be had here.
func TestExamples(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	hub := kit.StartRegistry(t, "")
	s := kit.Start(t, fmt.Sprintf(`timeouts: {stop: 1s}
build: {allow-ended-runtimes: true, concurrency: 2}
registry: {mirrors: {public.ecr.aws: ["http://%s"]}}
`, hub.Host))
	s.BuildRuntimes("python311", "nodejs22", "go1", "corretto17", "php81", "ruby31")
	// The Dockerfile begins from a public image with Python.
	hub.Push(kit.Runtimes(t, "python311")["python311"].Run, "docker/library/python:3.13-slim-bookworm")
	t.Run("a build that is cancelled", func(t *testing.T) {
		t.Parallel()
		testCancel(t, s.With(t))
	})
	for _, c := range []struct {
		example string
		flags   string
		answer  string
	}{
		{"python311", "", "Hello from Python 3.11"},
		{"nodejs22", "", "Hello from Node.js 22"},
		{"go1", "", "Hello from go1."},
		{"corretto17", "", "Hello from Java 17"},
		{"php81", "", "Hello from PHP"},
		{"ruby31", "", "Hello from Ruby 3.1"},
		{"dockerfile", "", "Hello from a Dockerfile"},
		{"monorepo", "--source-directory /services/api", `"service": "api"`},
		{"procfile", "", "Hello from a Procfile"},
		{"python", "", "Hello, without a configuration"},
		{"static", "", "Hello from a static site"},
	} {
		t.Run(c.example, func(t *testing.T) {
			t.Parallel()
			s := s.With(t)
			dir := filepath.Join(kit.Root(), "examples", c.example)
			service := "example-" + c.example
			out, said, err := s.Try(append([]string{"deploy", dir, "--name", service}, strings.Fields(c.flags)...)...)
			if err != nil {
				t.Fatalf("slipway deploy: %v\n%s%s", err, out, said)
			}
			wantBody(t, s, s.Describe(arnOf(s, service)), "/", c.answer)
		})
	}
}
