package remote

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const home = "us-east-1"

// world is a server of repositories with the people around it.
type world struct {
	*Server
	http *httptest.Server

	mu       sync.Mutex
	services map[string]Service
	forbid   map[string]bool // actions that no key may do
	asked    []string
	pushes   []Push
	follow   func(ctx context.Context, tell func(string))
}

func newWorld(t *testing.T, maxPush int64) *world {
	t.Helper()
	w := &world{services: map[string]Service{}, forbid: map[string]bool{}}
	w.open(t, t.TempDir(), maxPush)
	return w
}

func (w *world) open(t *testing.T, dir string, maxPush int64) {
	t.Helper()
	var err error
	w.Server, err = Open(Config{
		Dir: dir, Home: home, MaxPush: maxPush, Timeout: time.Minute, Log: slog.New(slog.DiscardHandler),
		Hosts:         func() []string { return []string{strings.TrimPrefix(w.http.URL, "http://"), "localhost:7420"} },
		Authenticator: w, Authorizer: w, Services: w,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.http = httptest.NewServer(w.Server)
	t.Cleanup(w.http.Close)
}

func (w *world) Authenticate(_ context.Context, user, password string) (string, error) {
	if user != "key" || password != "secret" {
		return "", ErrDenied
	}
	return user, nil
}

func (w *world) Authorize(_ context.Context, _, region, action, resource string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, region+" "+action+" "+resource)
	if w.forbid[action] {
		return fmt.Errorf("%w: no %s on %s", ErrForbidden, action, resource)
	}
	return nil
}

func (w *world) Service(_ context.Context, region, name string) (Service, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s, ok := w.services[region+"/"+name]; ok {
		return s, nil
	}
	return Service{ARN: "arn:" + region + ":" + name + "/*"}, nil
}

func (w *world) Pushed(ctx context.Context, push Push, tell func(string)) {
	w.mu.Lock()
	w.pushes = append(w.pushes, push)
	follow := w.follow
	w.mu.Unlock()
	if follow != nil {
		follow(ctx, tell)
	}
}

func (w *world) serve(name, branch string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.services[home+"/"+name] = Service{ARN: "arn:" + name, Exists: true, Branch: branch}
}

// onPush and deny change the world under its lock, and history reads it so: nothing orders what a request
// does before what the test does when its client has ended.
func (w *world) onPush(follow func(ctx context.Context, tell func(string))) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.follow = follow
}

func (w *world) deny(action string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forbid[action] = true
}

// history returns what was pushed, and which rights were asked for.
func (w *world) history() (pushes []Push, asked []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.pushes), slices.Clone(w.asked)
}

// url is the URL of a repository, with the key that opens it.
func (w *world) url(name string) string {
	return strings.Replace(w.http.URL, "http://", "http://key:secret@", 1) + Prefix + name + ".git"
}

// work is somebody's own repository.
type work struct {
	t   *testing.T
	dir string
}

func newWork(t *testing.T, files map[string]string) work {
	t.Helper()
	w := work{t, t.TempDir()}
	w.git("init", "--quiet", "--initial-branch=main")
	w.commit("first", files)
	return w
}

func (w work) try(args ...string) (string, error) {
	cmd := exec.CommandContext(w.t.Context(), "git", args...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C", "no_proxy=*",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (w work) git(args ...string) string {
	w.t.Helper()
	out, err := w.try(args...)
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

func (w work) commit(message string, files map[string]string) string {
	w.t.Helper()
	for name, text := range files {
		write(w.t, filepath.Join(w.dir, name), text)
	}
	w.git("add", "--all")
	w.git("commit", "--quiet", "--allow-empty", "-m", message)
	return w.git("rev-parse", "HEAD")
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestPush_StoresAndTells(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1<<30)
	w.serve("shop", "main")
	w.onPush(func(_ context.Context, tell func(string)) { tell("Building…\nRunning at http://shop") })
	local := newWork(t, map[string]string{"main.go": "package main\n", "web/index.html": "<p>"})
	out := local.git("push", w.url("shop"), "main")
	for _, line := range []string{"remote: Building…", "remote: Running at http://shop"} {
		if !strings.Contains(out, line) {
			t.Errorf("git push does not show %q:\n%s", line, out)
		}
	}
	first := local.git("rev-parse", "HEAD")
	pushes, asked := w.history()
	if want := []Push{{Region: home, Name: "shop", Branch: "main", Commit: first}}; !slices.Equal(pushes, want) {
		t.Errorf("pushes %+v, want %+v", pushes, want)
	}
	want := []string{home + " apprunner:StartDeployment arn:shop", home + " slipway:PutSource arn:shop"}
	if got := asked[len(asked)-2:]; !slices.Equal(got, want) {
		t.Errorf("rights asked: %q", got)
	}
	c, err := w.Head(t.Context(), home, "shop", "main", "/")
	if err != nil || c.ID != first || c.Author != "Ada <ada@example.com>" || c.Message != "first" || c.Tree != local.git("rev-parse", "HEAD^{tree}") {
		t.Errorf("head %+v, %v", c, err)
	}
	c, err = w.Head(t.Context(), home, "shop", "main", "/web/")
	if err != nil || c.Tree != local.git("rev-parse", "HEAD:web") {
		t.Errorf("head of a directory %+v, %v", c, err)
	}
	// What is fetched is what was pushed.
	clone := work{t, t.TempDir()}
	clone.git("clone", "--quiet", w.url("shop"), ".")
	if got := clone.git("rev-parse", "HEAD"); got != first {
		t.Errorf("cloned %s, want %s", got, first)
	}
}

func TestPush_Decisions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason   string
		name     string
		args     []string
		says     string
		fails    bool
		deployed string // branch that Pushed was told of
	}{
		{"the branch of the service", "shop", []string{"main"}, "", false, "main"},
		{"by another name", "shop", []string{"dev:main"}, "", false, "main"},
		{"another branch", "shop", []string{"dev"}, "Branch dev is stored and not deployed: service shop deploys branch main.", false, ""},
		{"both", "shop", []string{"dev", "main"}, "Branch dev is stored", false, "main"},
		{"a tag", "shop", []string{"v1"}, "", false, ""},
		{"only to be stored", "shop", []string{"-o", "store", "main"}, "", false, ""},
		{"neither branch nor tag", "shop", []string{"main:refs/notes/x"}, "refs/notes/x is neither a branch nor a tag", true, ""},
		{"where revisions hold their commits", "shop", []string{"main:refs/slipway/x"}, "", true, ""},
		{"no service", "none", []string{"main"}, `There is no service "none" in Region us-east-1.`, true, ""},
		{"no service, to be made", "none", []string{"-o", "create", "main"}, "", false, "main"},
		{"no service, only to be stored", "none", []string{"-o", "store", "main"}, "", false, ""},
		{"no service, of two branches", "none", []string{"-o", "create", "main", "dev"}, "Push one branch", true, ""},
		{"a service of an image", "image", []string{"main"}, "Service image does not deploy from here", true, ""},
		{"a service of an image, only to be stored", "image", []string{"-o", "store", "main"}, "", false, ""},
		{"a name too short", "abc", []string{"main"}, "not found", true, ""},
		{"an option with shell in it", "shop", []string{"-o", "$(touch /tmp/x)`id`'\"", "main"}, "", false, "main"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1<<30)
			w.serve("shop", "main")
			w.serve("image", "")
			local := newWork(t, map[string]string{"a": "a"})
			local.git("branch", "dev")
			local.git("tag", "v1")
			i := 0
			for i < len(tt.args) && tt.args[i] == "-o" {
				i += 2
			}
			args := slices.Concat([]string{"push"}, tt.args[:i], []string{w.url(tt.name)}, tt.args[i:])
			out, err := local.try(args...)
			if (err != nil) != tt.fails || !strings.Contains(out, tt.says) {
				t.Errorf("%v\n%s", err, out)
			}
			deployed := ""
			pushes, _ := w.history()
			for _, p := range pushes {
				deployed += p.Branch
			}
			if deployed != tt.deployed {
				t.Errorf("deployed %q, want %q", deployed, tt.deployed)
			}
			if tt.fails {
				if _, err := w.Head(t.Context(), home, "shop", "main", "/"); err == nil {
					t.Error("a refused push is there")
				}
			}
		})
	}
}

func TestPush_KeepsTheDeployedBranch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1<<30)
	w.serve("shop", "main")
	local := newWork(t, map[string]string{"a": "a"})
	local.git("push", w.url("shop"), "main", "main:dev")
	if out, err := local.try("push", w.url("shop"), ":main"); err == nil || !strings.Contains(out, "cannot be deleted") {
		t.Errorf("deletion of main: %v\n%s", err, out)
	}
	local.git("push", w.url("shop"), ":dev")
	// A history that was written anew replaces the old one.
	local.git("commit", "--quiet", "--amend", "-m", "again")
	local.git("push", "--force", w.url("shop"), "main")
}

func TestRights(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason, url, forbid string
		says                string
	}{
		{"no key", "http://%s/git/shop.git", "", "could not read Username"},
		{"a wrong secret", "http://key:wrong@%s/git/shop.git", "", "Authentication failed"},
		{"may not store", "http://key:secret@%s/git/shop.git", putSource, "403"},
		{"may not deploy", "http://key:secret@%s/git/shop.git", startDeployment, "403"},
		{"may not create", "http://key:secret@%s/git/none.git", createService, "403"},
		{"may not in another Region", "http://key:secret@%s/git/eu-west-1/shop.git", createService, "403"},
		{"a path above", "http://key:secret@%s/git/../git/..%%2f..%%2fetc.git", "", "not found"},
		{"a hidden name", "http://key:secret@%s/git/.hooks.git", "", "not found"},
		{"a deeper path", "http://key:secret@%s/git/shop.git/hooks.git", "", "unable to update url base"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1<<30)
			w.serve("shop", "main")
			w.deny(tt.forbid)
			local := newWork(t, map[string]string{"a": "a"})
			out, err := local.try("push", fmt.Sprintf(tt.url, strings.TrimPrefix(w.http.URL, "http://")), "main")
			if err == nil {
				t.Fatalf("the push was taken:\n%s", out)
			}
			if !strings.Contains(out, tt.says) && !strings.Contains(out, "403") {
				t.Errorf("git says, without %q:\n%s", tt.says, out)
			}
			if found, _ := filepath.Glob(filepath.Join(w.Dir, "*", "*.git")); len(found) != 0 {
				t.Errorf("repositories were made: %q", found)
			}
		})
	}
	w := newWorld(t, 1<<30)
	w.serve("shop", "main")
	local := newWork(t, map[string]string{"a": "a"})
	local.git("push", w.url("shop"), "main")
	w.deny(getSource)
	if out, err := local.try("ls-remote", w.url("shop")); err == nil {
		t.Errorf("a fetch without the right:\n%s", out)
	}
}

func TestOwn(t *testing.T) {
	t.Parallel()
	s := &Server{Config: Config{Home: home, Hosts: func() []string { return []string{"127.0.0.1:7420", "localhost:7420"} }}}
	tests := []struct {
		url, region, name string
	}{
		{"http://127.0.0.1:7420/git/shop.git", home, "shop"},
		{"http://LOCALHOST:7420/git/shop.git/", home, "shop"},
		{"http://key@localhost:7420/git/shop.git", home, "shop"},
		{"http://127.0.0.1:7420/git/eu-west-1/shop.git", "eu-west-1", "shop"},
		{"http://127.0.0.1:7420/git/us-east-1/shop.git", home, "shop"},
		{"http://127.0.0.1:7421/git/shop.git", "", ""},
		{"http://example.com/git/shop.git", "", ""},
		{"http://127.0.0.1:7420/git/shop", "", ""},
		{"http://127.0.0.1:7420/git/shop.git/info/refs", "", ""},
		{"http://127.0.0.1:7420/git/../shop.git", "", ""},
		{"http://127.0.0.1:7420/git/%2e%2e/shop.git", "", ""},
		{"http://127.0.0.1:7420/git/shop.git?x=1", "", ""},
		{"ssh://127.0.0.1:7420/git/shop.git", "", ""},
		{"git@127.0.0.1:git/shop.git", "", ""},
		{"", "", ""},
	}
	for _, tt := range tests {
		region, name, ok := s.Own(tt.url)
		if ok != (tt.name != "") || (ok && (region != tt.region || name != tt.name)) {
			t.Errorf("%q is %q in %q, %v", tt.url, name, region, ok)
		}
	}
	if got := Path(home, home, "shop"); got != "/git/shop.git" {
		t.Error(got)
	}
	if got := Path(home, "eu-west-1", "shop"); got != "/git/eu-west-1/shop.git" {
		t.Error(got)
	}
}

// A deployment may take longer than a client may be silent while it sends.
func TestPush_LongDeployment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1<<30)
	w.idle = 200 * time.Millisecond
	w.serve("shop", "main")
	w.onPush(func(ctx context.Context, tell func(string)) {
		select {
		case <-ctx.Done():
			tell("the client has left")
		case <-time.After(time.Second):
			tell("Running")
		}
	})
	out := newWork(t, map[string]string{"a": "a"}).git("push", w.url("shop"), "main")
	if !strings.Contains(out, "remote: Running") {
		t.Errorf("git push says:\n%s", out)
	}
}

// A client that leaves while its deployment is followed ends the following, and nothing else.
func TestPush_ClientLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1<<30)
	w.serve("shop", "main")
	begun, ended := make(chan struct{}), make(chan struct{})
	w.onPush(func(ctx context.Context, tell func(string)) {
		tell("Building…")
		close(begun)
		<-ctx.Done()
		close(ended)
	})
	local := newWork(t, map[string]string{"a": "a"})
	cmd := exec.Command("git", "-C", local.dir, "push", w.url("shop"), "main")
	cmd.Env = append(os.Environ(), "no_proxy=*")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a shell does, so that all of it gets Ctrl-C
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-begun
	if _, err := w.Head(t.Context(), home, "shop", "main", "/"); err != nil {
		t.Errorf("while the deployment is followed: %v", err)
	}
	// Nobody who follows keeps a repository from being tidied, or others from pushing.
	if err := w.Tidy(t.Context(), time.Hour, func(_, _ string) ([]string, bool) { return nil, true }); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(w.dir(home, "shop"), tidied)); err != nil {
		t.Errorf("not tidied: %v", err)
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("the deployment is still followed")
	}
	if out := local.git("ls-remote", w.url("shop"), "main"); out == "" {
		t.Error("the push is gone")
	}
}
