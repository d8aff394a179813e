package test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/test/kit"
)

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
