package test

import (
	"crypto/rand"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/audit"
	"github.com/slipway-run/slipway/internal/iam"
	"github.com/slipway-run/slipway/test/kit"
)

// pusher is the Git repository of somebody who pushes.
type pusher struct {
	t   *testing.T
	dir string
}

func newRepository(t *testing.T, files map[string]string) pusher {
	t.Helper()
	r := pusher{t, t.TempDir()}
	r.git("init", "--quiet", "--initial-branch=main")
	r.commit(files)
	return r
}

func (r pusher) try(args ...string) (string, error) {
	cmd := exec.CommandContext(r.t.Context(), "git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C", "no_proxy=*",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (r pusher) git(args ...string) string {
	r.t.Helper()
	out, err := r.try(args...)
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

func (r pusher) commit(files map[string]string) string {
	r.t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	r.git("add", "--all")
	r.git("commit", "--quiet", "-m", "commit")
	return r.git("rev-parse", "HEAD")
}

const pushPolicy = `{"Statement": [
	{"Effect": "Allow", "Action": ["slipway:PutSource", "slipway:GetSource", "apprunner:CreateService"], "Resource": "arn:aws:apprunner:*:*:service/mine-*"},
	{"Effect": "Allow", "Action": "slipway:GetSource", "Resource": "arn:aws:apprunner:*:*:service/read-*"}
]}`

// gitURL is the URL of a repository, with the key that opens it.
func gitURL(s *kit.Slipway, key iam.Key, path string) string {
	u := url.URL{Scheme: "http", User: url.UserPassword(key.ID, key.Secret), Host: s.API, Path: "/git/" + path}
	return u.String()
}

// TestGitRemote pushes to the repositories that Slipway serves, with Git itself.
func TestGitRemote(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, "timeouts: {stop: 1s}\nsource: {max-push: 1MiB}\n")
	s.PushMimic("mimic:v1", "v1")
	s.Run(s.Input("image-service", "mimic:v1"))
	key := s.CreateKey("pusher", pushPolicy)
	to := func(key iam.Key, path string) string { return gitURL(s, key, path) }
	local := newRepository(t, map[string]string{"main.go": "package main\n"})

	for _, tt := range []struct {
		reason, url string
		args        []string
		says        string // "" for success
	}{
		{"a service that does not exist", to(s.Key(), "shop.git"), nil, `There is no service "shop" in Region us-east-1`},
		{"a service of an image", to(s.Key(), "image-service.git"), nil, "has another source"},
		{"only stored", to(key, "mine-1.git"), []string{"-o", "store"}, ""},
		{"another Region", to(s.Key(), "eu-west-1/shop.git"), []string{"-o", "store"}, ""},
		{"without the right", to(key, "shop.git"), []string{"-o", "store"}, "403"},
		{"with the right to read", to(key, "read-1.git"), []string{"-o", "store"}, "403"},
		{"with a wrong secret", to(iam.Key{ID: key.ID, Secret: "x"}, "mine-1.git"), nil, "Authentication failed"},
	} {
		out, err := local.try(slices.Concat([]string{"push"}, tt.args, []string{tt.url, "main"})...)
		if (err == nil) != (tt.says == "") || !strings.Contains(out, tt.says) {
			t.Errorf("%s: %v\n%s", tt.reason, err, out)
		}
	}
	if out := local.git("ls-remote", to(s.Key(), "us-east-1/mine-1.git"), "main"); !strings.HasPrefix(out, local.git("rev-parse", "HEAD")) {
		t.Errorf("stored: %q", out)
	}

	t.Run("slipway remote", func(t *testing.T) { testRemoteCommand(t, s.With(t), local) })
	t.Run("kill", func(t *testing.T) { testKilledPush(t, s.With(t), to(s.Key(), "mine-1.git")) })
	t.Run("audit log", func(t *testing.T) {
		prefix := "arn:aws:apprunner:us-east-1:000000000000:service/"
		for _, want := range []audit.Entry{
			{AccessKeyID: key.ID, Action: "slipway:PutSource", Resources: []string{prefix + "mine-1/*"}, Region: "us-east-1", Status: 200},
			{AccessKeyID: s.Key().ID, Action: "slipway:PutSource", Resources: []string{strings.Replace(prefix, "us-east-1", "eu-west-1", 1) + "shop/*"}, Region: "eu-west-1", Status: 200},
			{AccessKeyID: key.ID, Action: "apprunner:CreateService", Resources: []string{prefix + "shop/*"}, Region: "us-east-1", Status: 403},
			{AccessKeyID: key.ID, Action: "slipway:SourceSignIn", Region: "us-east-1", Status: 401},
		} {
			if !slices.ContainsFunc(s.Audit(), func(e audit.Entry) bool {
				return e.AccessKeyID == want.AccessKeyID && e.Action == want.Action && slices.Equal(e.Resources, want.Resources) && e.Region == want.Region && e.Status == want.Status
			}) {
				t.Errorf("the audit log does not have %+v", want)
			}
		}
	})
}

// testRemoteCommand uses the remote of the command line, which keeps the key out of the repository.
func testRemoteCommand(t *testing.T, s *kit.Slipway, local pusher) {
	local.t = t
	cmd := exec.Command(kit.Binary("slipway"), "remote", "add", "mine-2", "--data-dir", s.Dir)
	cmd.Dir = local.dir
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "git push -o create slipway main") {
		t.Fatalf("slipway remote add: %v\n%s", err, out)
	}
	local.git("push", "-o", "store", "slipway", "main")
	config, err := os.ReadFile(filepath.Join(local.dir, ".git", "config"))
	if err != nil || strings.Contains(string(config), s.Key().Secret) || strings.Contains(string(config), s.Key().ID) {
		t.Errorf("the repository's configuration, %v:\n%s", err, config)
	}
}

// testKilledPush kills the daemon in the middle of a push. What was there before, or all of the push, is
// there after it.
func testKilledPush(t *testing.T, s *kit.Slipway, url string) {
	local := newRepository(t, map[string]string{"a": "a"})
	before := local.git("rev-parse", "HEAD")
	local.git("push", "--force", "-o", "store", url, "main")
	noise := make([]byte, 900_000)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	after := local.commit(map[string]string{"noise": string(noise)})
	for _, wait := range []time.Duration{5 * time.Millisecond, 30 * time.Millisecond, 60 * time.Millisecond} {
		pushed := make(chan struct{})
		go func() {
			defer close(pushed)
			_, _ = local.try("push", "-o", "store", url, "main")
		}()
		time.Sleep(wait)
		s.Kill()
		<-pushed
		s.Start()
		if head, _, _ := strings.Cut(local.git("ls-remote", url, "main"), "\t"); head != before && head != after {
			t.Errorf("killed after %v: main is %q", wait, head)
		}
		local.git("push", "-o", "store", url, "main")
		local.git("push", "--force", "-o", "store", url, before+":main")
	}
	clone := pusher{t, t.TempDir()}
	clone.git("clone", "--quiet", url, ".")
	clone.git("fsck", "--full")
}
