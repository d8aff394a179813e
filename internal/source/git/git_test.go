package git_test

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/source/git"
	"github.com/slipway-run/slipway/test/githost"
)

func TestMain(m *testing.M) {
	git.SetFirstPause(time.Millisecond)
	os.Exit(m.Run())
}

// reader makes a Git that may reach the test's hosts.
func reader(t *testing.T, change ...func(*git.Config)) *git.Git {
	t.Helper()
	c := git.Config{Dir: filepath.Join(t.TempDir(), "git"), AllowHTTP: []string{"127.0.0.1"}}
	for _, f := range change {
		f(&c)
	}
	g, err := git.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		left, err := os.ReadDir(c.Dir)
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
	return g
}

// refused checks that err is a failure of the user's, with words in it.
func refused(t *testing.T, err error, words ...string) {
	t.Helper()
	if apprunner.CodeOf(err) != apprunner.InvalidRequest {
		t.Errorf("got error %v, want a reason for the user", err)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("reason %q does not say %q", err, w)
		}
	}
}

// files are the paths of all files below a directory.
func files(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			name, _ := filepath.Rel(dir, path)
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func TestHeadAndBranches(t *testing.T) {
	t.Parallel()
	h := githost.New(t)
	r := h.Repository("ann/web")
	first := r.Push("First", map[string]string{"a": "1"})
	r.Git("checkout", "-q", "-b", "feature/refs/heads/main")
	second := r.Push("Second", map[string]string{"a": "2"})
	g := reader(t)
	id, err := g.Head(t.Context(), git.Remote{URL: r.URL}, "main")
	if err != nil || id != first {
		t.Errorf("main is %q (%v), want %q: not a branch that ends like it", id, err, first)
	}
	all, err := g.Branches(t.Context(), git.Remote{URL: r.URL})
	if err != nil || !slices.Equal(all, []git.Branch{{"feature/refs/heads/main", second}, {"main", first}}) {
		t.Errorf("branches %v, %v", all, err)
	}
	_, err = g.Head(t.Context(), git.Remote{URL: r.URL}, "mian")
	refused(t, err, `has no branch "mian"`, "nearest of its 2 are: main, ")
	empty := h.Repository("ann/empty")
	_, err = g.Head(t.Context(), git.Remote{URL: empty.URL}, "main")
	refused(t, err, "has no branches yet")
}

func TestFetch(t *testing.T) {
	t.Parallel()
	h := githost.New(t)
	r := h.Repository("ann/web")
	first := r.Push("First\n\nwith a body", map[string]string{"README": "1", "services/web/main.go": "package main"})
	r.Push("Second", map[string]string{"README": "2"})
	g := reader(t)
	dir := filepath.Join(t.TempDir(), "source")
	commit, err := g.Fetch(t.Context(), git.Remote{URL: r.URL}, "main", dir, "/")
	if err != nil {
		t.Fatal(err)
	}
	if commit.ID != r.Git("rev-parse", "HEAD") || commit.Tree != r.Git("rev-parse", "HEAD^{tree}") || commit.Author != "Ann Example <ann@example.com>" || commit.Message != "Second" {
		t.Errorf("fetched %+v", commit)
	}
	if got := files(t, dir); !slices.Equal(got, []string{"README", "services/web/main.go"}) {
		t.Errorf("files %q", got)
	}
	// By id, an older commit, whose source directory is the same.
	old := filepath.Join(t.TempDir(), "source")
	before, err := g.Fetch(t.Context(), git.Remote{URL: r.URL}, first, old, "/services/web")
	if err != nil || before.ID != first || before.Message != "First" {
		t.Fatalf("fetched %+v, %v", before, err)
	}
	if text, _ := os.ReadFile(filepath.Join(old, "README")); string(text) != "1" {
		t.Errorf("the older commit has README %q", text)
	}
	for _, directory := range []string{"/services/web", "services/web/", "/services/web/."} {
		now, err := g.Look(t.Context(), git.Remote{URL: r.URL}, "main", directory)
		if err != nil || now.Tree != before.Tree {
			t.Errorf("directory %q is tree %q (%v), want %q as nothing in it changed", directory, now.Tree, err, before.Tree)
		}
	}
	r.Push("Third", map[string]string{"services/web/main.go": "package web"})
	if now, err := g.Look(t.Context(), git.Remote{URL: r.URL}, "main", "/services/web"); err != nil || now.Tree == before.Tree || now.Tree != r.Git("rev-parse", "HEAD:services/web") {
		t.Errorf("a push that touches the directory leaves tree %q, %v", now.Tree, err)
	}
	_, err = g.Fetch(t.Context(), git.Remote{URL: r.URL}, "main", dir, "/")
	if err == nil || apprunner.CodeOf(err) != apprunner.Internal {
		t.Errorf("fetching over files: %v", err)
	}
}

// A look finds the tree of a directory, also where the server cannot leave out the files.
func TestLook(t *testing.T) {
	t.Parallel()
	h := githost.New(t)
	for _, filter := range []string{"true", "false"} {
		r := h.Repository("ann/big" + filter)
		r.Git("-C", r.Bare, "config", "uploadpack.allowFilter", filter)
		big := make([]byte, 4<<20)
		for i := range big {
			big[i] = byte(i * i >> 8 * 31)
		}
		r.Push("Big", map[string]string{"a/b/c": "1", "a/d": "2", "big": string(big)})
		g := reader(t)
		now, err := g.Look(t.Context(), git.Remote{URL: r.URL}, "main", "/a/b")
		if err != nil || now.Tree != r.Git("rev-parse", "HEAD:a/b") {
			t.Errorf("filter %s: tree %q, %v", filter, now.Tree, err)
		}
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	h := githost.New(t)
	r := h.Repository("ann/web")
	r.Push("First", map[string]string{"README": "1", "web/main": "x"})
	secret := h.Repository("ann/secret")
	secret.Push("First", map[string]string{"README": "1"})
	secret.Private()
	g := reader(t)
	for _, c := range []struct {
		why                      string
		url, revision, directory string
		words                    []string
	}{
		{"no repository", h.URL + "/ann/none", "main", "/", []string{"was not found", "Check its URL"}},
		{"no credential", secret.URL, "main", "/", []string{"Access to repository", "denied"}},
		{"no branch", r.URL, "trunk", "/", []string{`no branch "trunk"`, "main"}},
		{"no commit", r.URL, strings.Repeat("0123456789", 4), "/", []string{"does not have the commit"}},
		{"no directory", r.URL, "main", "/api", []string{"no source directory /api", "There are /web."}},
		{"a file", r.URL, "main", "/README", []string{"not a directory"}},
		{"outside", r.URL, "main", "/../x", []string{"leaves the repository"}},
		{"nobody listens", "http://127.0.0.1:1/a/b", "main", "/", []string{"cannot be reached", "tried 3 times"}},
		{"no such host", "https://nowhere.invalid/a/b", "main", "/", []string{"nowhere.invalid"}},
		{"not git", h.URL + "/ann/web.git/x", "main", "/", []string{"was not found"}},
	} {
		dir := filepath.Join(t.TempDir(), "source")
		_, err := g.Fetch(t.Context(), git.Remote{URL: c.url}, c.revision, dir, c.directory)
		t.Logf("%s: %v", c.why, err)
		refused(t, err, c.words...)
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s: the directory is still there", c.why)
		}
	}
	_, err := g.Head(t.Context(), git.Remote{URL: secret.URL}, "main")
	if !git.Denied(err) {
		t.Errorf("%v is not known for a denied access", err)
	}
}

func TestServerThatComesBack(t *testing.T) {
	t.Parallel()
	h := githost.New(t)
	r := h.Repository("ann/web")
	id := r.Push("First", map[string]string{"README": "1"})
	g := reader(t)
	h.Broken = 2
	if got, err := g.Head(t.Context(), git.Remote{URL: r.URL}, "main"); err != nil || got != id {
		t.Errorf("after two failures: %q, %v", got, err)
	}
	h.Broken = 100
	_, err := g.Head(t.Context(), git.Remote{URL: r.URL}, "main")
	refused(t, err, "does not answer properly", "503")
}

func TestTLS(t *testing.T) {
	h := githost.NewTLS(t)
	r := h.Repository("ann/web")
	id := r.Push("First", map[string]string{"README": "1"})
	g := reader(t)
	_, err := g.Head(t.Context(), git.Remote{URL: r.URL}, "main")
	refused(t, err, "not trusted by this machine", "update-ca-certificates")
	t.Setenv("SSL_CERT_FILE", trusted(t, h))
	if got, err := g.Head(t.Context(), git.Remote{URL: r.URL}, "main"); err != nil || got != id {
		t.Errorf("with the authority trusted: %q, %v", got, err)
	}
}

// The kernel ends git with all that it started when the one who started it ends: nothing is left.
func TestTimeLimit(t *testing.T) {
	t.Parallel()
	silent := listen(t, func(c netConn) { time.Sleep(20 * time.Second) })
	g := reader(t, func(c *git.Config) { c.Timeout = 300 * time.Millisecond })
	began := time.Now()
	_, err := g.Head(t.Context(), git.Remote{URL: "http://" + silent + "/a/b"}, "main")
	refused(t, err, "could not be read within 300ms")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	out, _ := exec.Command("ps", "-eo", "args").Output()
	if strings.Contains(string(out), silent) {
		t.Errorf("git still runs:\n%s", out)
	}
}

func TestRefusedAddresses(t *testing.T) {
	t.Parallel()
	h := githost.New(t)
	r := h.Repository("ann/web")
	r.Push("First", map[string]string{"README": "1"})
	var asked []string
	g := reader(t, func(c *git.Config) {
		c.Refuse = func(host string, at netip.AddrPort) error {
			asked = append(asked, host+" "+at.String())
			return errOwn
		}
	})
	_, err := g.Head(t.Context(), git.Remote{URL: r.URL}, "main")
	refused(t, err, "not allowed", "it is Slipway's own")
	if address := h.Server.Listener.Addr().String(); len(asked) != 1 || asked[0] != "127.0.0.1 "+address {
		t.Errorf("asked about %q", asked)
	}
	for _, url := range []string{"http://0.0.0.0:7420/a/b", "http://169.254.169.254/latest/meta-data"} {
		g := reader(t, func(c *git.Config) { c.AllowHTTP = []string{"0.0.0.0", "169.254.169.254"} })
		_, err := g.Head(t.Context(), git.Remote{URL: url}, "main")
		refused(t, err, "not the address of a server")
	}
}
