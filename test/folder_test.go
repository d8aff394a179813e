package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/test/kit"
)

// application writes a folder that is built from a Dockerfile.
func application(t *testing.T, dir, version string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	kit.MimicProgram(t, dir)
	dockerfile := "FROM scratch\nCOPY mimic /mimic\nENV VERSION=" + version + "\nENTRYPOINT [\"/mimic\"]\n"
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestFolderToURL takes a folder to a URL, and on to its next versions: by slipway deploy, and by git push.
func TestFolderToURL(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	s := kit.Start(t, "timeouts: {stop: 1s}\n")
	dir := filepath.Join(t.TempDir(), "shop")
	deploy := func(args ...string) string {
		t.Helper()
		out, errOut, err := s.Try(append([]string{"deploy", dir}, args...)...)
		if err != nil {
			t.Fatalf("slipway deploy: %v\n%s%s", err, out, errOut)
		}
		return out + errOut
	}
	application(t, dir, "v1")
	if out := deploy(); !strings.Contains(out, "Service shop is RUNNING") || !regexp.MustCompile(`(?m)^http://\S+$`).MatchString(out) {
		t.Errorf("the first deployment says\n%s", out)
	}
	service := s.Describe(arnOf(s, "shop"))
	wantBody(t, s, service, "/", "v1 instance")

	application(t, dir, "v2")
	deploy()
	wantBody(t, s, service, "/", "v2 instance")
	if out := deploy(); !strings.Contains(out, "runs these files already") {
		t.Errorf("nothing changed, and it says\n%s", out)
	}
	deploy("-e", "COLOUR=blue")
	wantBody(t, s, service, "/env", "COLOUR=blue")

	// What cannot be built leaves the old version serving.
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY nothing /\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errOut, err := s.Try("deploy", dir)
	if err == nil || !strings.Contains(errOut, "nothing") || !strings.Contains(errOut, "Service shop is RUNNING") {
		t.Errorf("a broken Dockerfile: %v\n%s%s", err, out, errOut)
	}
	wantBody(t, s, service, "/", "v2 instance")

	// The same service by git push.
	application(t, dir, "v3")
	p := pusher{t, dir}
	p.git("init", "--quiet", "--initial-branch=main")
	commit := p.commit(nil)
	said := p.git("push", "--force", gitURL(s, s.Key(), "shop.git"), "main")
	if !strings.Contains(said, "remote: Service shop is RUNNING at http://") {
		t.Errorf("git push says\n%s", said)
	}
	wantBody(t, s, service, "/", "v3 instance")
	application(t, dir, "v4")
	p.commit(nil)
	p.git("push", gitURL(s, s.Key(), "shop.git"), "main")
	wantBody(t, s, service, "/", "v4 instance")
	s.CLI("deploy", "--name", "shop", "--commit", commit)
	wantBody(t, s, service, "/", "v3 instance")

	// A push that makes a service.
	said = p.git("push", "-o", "create", gitURL(s, s.Key(), "other.git"), "main")
	if !strings.Contains(said, "remote: Service other is RUNNING at http://") {
		t.Errorf("git push -o create says\n%s", said)
	}
}

func arnOf(s *kit.Slipway, name string) string {
	return regexp.MustCompile(`arn:[^"]*:service/` + name + `/[0-9a-f]+`).FindString(s.CLI("services", "--output", "json"))
}
