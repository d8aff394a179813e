package git_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/source/git"
	"github.com/slipway-run/slipway/test/githost"
)

// A URL that is not that of a repository never gets to git.
func TestRefusedURLs(t *testing.T) {
	t.Parallel()
	allowed := t.TempDir()
	if err := os.Symlink("/etc", filepath.Join(allowed, "out")); err != nil {
		t.Fatal(err)
	}
	g := reader(t, func(c *git.Config) { c.AllowPaths = []string{allowed} })
	for _, c := range []struct{ why, url, words string }{
		{"nothing", "", "empty"},
		{"an option", "--upload-pack=touch /tmp/x", "space"},
		{"an option without a space", "--upload-pack=reboot", "begins with a dash"},
		{"a program", "ext::sh-c-reboot", "helper program"},
		{"a program by its scheme", "ext://sh", `scheme "ext"`},
		{"a file descriptor", "fd::17", "helper program"},
		{"another protocol", "git://example.com/a/b", `scheme "git"`},
		{"FTP", "ftp://example.com/a/b", `scheme "ftp"`},
		{"no TLS", "http://example.com/a/b", "source.allow-http"},
		{"this machine", "/etc/passwd", "source.allow-paths"},
		{"this machine as a URL", "file:///etc", "source.allow-paths"},
		{"a link out of what is allowed", allowed + "/out", "source.allow-paths"},
		{"a way out of what is allowed", allowed + "/../../etc", "source.allow-paths"},
		{"another machine's file", "file://host/etc", `scheme "file"`},
		{"a token in it", "https://x:ghp_secret@example.com/a/b", "a user name or a token in its URL"},
		{"an option for ssh", "ssh://-oProxyCommand=reboot/x", "no valid host name"},
		{"an option for ssh as the user", "ssh://-oProxyCommand=x@example.com/x", "strange user name"},
		{"an option for ssh, short", "-oProxyCommand=reboot:x", "dash"},
		{"an option as the path, short", "example.com:-oProxyCommand=x", "scheme"},
		{"a shell", "ssh://`reboot`/x", "not the URL"},
		{"a shell in the user", "ssh://$(reboot)@example.com/x", "strange user name"},
		{"a newline", "https://example.com/a\nb", "control character"},
		{"a newline, encoded", "https://example.com/a%0ab", "control character"},
		{"a newline in the host", "https://example.com%0a.evil.com/a", "not the URL"},
		{"a query", "https://example.com/a?x=y", "more than a path"},
		{"no path", "https://example.com/", "no path"},
		{"a backslash", `https://example.com\@evil.com/a`, "backslash"},
	} {
		_, err := g.Head(t.Context(), git.Remote{URL: c.url}, "main")
		refused(t, err, c.words)
		if err != nil && strings.Contains(err.Error(), "ghp_secret") {
			t.Errorf("%s: the reason has the token: %v", c.why, err)
		}
	}
	for _, branch := range []string{"", "-x", "--upload-pack=x", "a b", "a..b", "a:b", "a*", "+a", "a~1", "a^", "refs/../x", ".a", "a.lock", "a\nb", "@", "a@{1}", "/a", "a/"} {
		if branch == "+a" {
			continue // is one: git itself takes it
		}
		_, err := g.Head(t.Context(), git.Remote{URL: "https://example.com/a/b"}, branch)
		refused(t, err, "cannot be the name of a branch")
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	h := githost.New(t)
	r := h.Repository("ann/web")
	id := r.Push("First", map[string]string{"README": "1"})
	g := reader(t, func(c *git.Config) { c.AllowPaths = []string{h.Dir} })
	for _, url := range []string{r.Bare, "file://" + r.Bare, r.Work + "/../" + filepath.Base(r.Work)} {
		got, err := g.Head(t.Context(), git.Remote{URL: url}, "main")
		if strings.HasPrefix(url, r.Work) {
			refused(t, err, "allow-paths")
		} else if err != nil || got != id {
			t.Errorf("%s: %q, %v", url, got, err)
		}
	}
}

// submodule adds a submodule to the clone without asking git whether that is wise.
func submodule(r *githost.Repository, path, url, commit string) {
	r.Write(map[string]string{".gitmodules": "[submodule \"" + path + "\"]\n\tpath = " + path + "\n\turl = " + url + "\n"})
	r.Git("add", ".gitmodules")
	r.Git("update-index", "--add", "--cacheinfo", "160000,"+commit+","+path)
	r.Git("commit", "-q", "-m", "Add a submodule")
	r.PushHead()
}

func TestSubmodules(t *testing.T) {
	t.Parallel()
	h := githost.New(t)
	h.Tokens["s3cret"] = true
	inner := h.Repository("ann/inner")
	innerID := inner.Push("Inner", map[string]string{"inner.txt": "1"})
	inner.Push("Later", map[string]string{"inner.txt": "2"})
	inner.Private()
	middle := h.Repository("ann/middle")
	middle.Private()
	middle.Push("Middle", map[string]string{"middle.txt": "1"})
	submodule(middle, "deep/inner", "../inner.git", innerID)
	outer := h.Repository("ann/outer")
	outer.Private()
	outer.Push("Outer", map[string]string{"outer.txt": "1"})
	submodule(outer, "lib", middle.URL, middle.Git("rev-parse", "HEAD"))
	dir := filepath.Join(t.TempDir(), "source")
	_, err := reader(t).Fetch(t.Context(), git.Remote{URL: outer.URL, Credential: git.Credential{Username: "x", Token: "s3cret"}}, "main", dir, "/")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{".gitmodules", "lib/.gitmodules", "lib/deep/inner/inner.txt", "lib/middle.txt", "outer.txt"}
	if got := files(t, dir); !slices.Equal(got, want) {
		t.Errorf("files %q, want %q: nothing of git itself", got, want)
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "lib/deep/inner/inner.txt")); string(text) != "1" {
		t.Errorf("the submodule is not at its commit: %q", text)
	}
}

func TestHostileSubmodules(t *testing.T) {
	t.Parallel()
	h := githost.New(t)
	secret := h.Repository("ann/secret")
	secret.Push("First", map[string]string{"README": "1"})
	for n, c := range []struct{ why, path, url, words string }{
		{"an option", "sub", "--upload-pack=touch-x", "gitmodules"},
		{"an option by a relative URL", "sub", "./--upload-pack=touch", ""},
		{"a program", "sub", "ext::sh -c touch% /tmp/pwned", ""},
		{"this machine", "sub", "file://" + secret.Bare, "on this machine"},
		{"this machine's path", "sub", secret.Bare, "on this machine"},
		{"another protocol", "sub", "git://example.com/a/b", "scheme"},
		{"ssh with an option", "sub", "ssh://-oProxyCommand=touch/x", ""},
		{"a cut line", "sub", "https://example.com/a%0ahost=evil", ""},
	} {
		r := h.Repository("ann/h" + string(rune('a'+n)))
		r.Push("First", map[string]string{"README": "1"})
		submodule(r, c.path, c.url, secret.Git("rev-parse", "HEAD"))
		dir := filepath.Join(t.TempDir(), "source")
		_, err := reader(t, func(c *git.Config) { c.AllowPaths = []string{h.Dir} }).Fetch(t.Context(), git.Remote{URL: r.URL}, "main", dir, "/")
		t.Logf("%s: %v", c.why, err)
		refused(t, err, c.words)
		if _, err := os.Stat("/tmp/pwned"); err == nil {
			t.Fatal("a submodule ran a program")
		}
	}
}

// A submodule at another host, or one that a redirect leads to, gets no credential.
func TestCredentialsStayAtTheirHost(t *testing.T) {
	t.Parallel()
	h, other := githost.New(t), githost.New(t)
	h.Tokens["s3cret"] = true
	there := other.Repository("eve/trap")
	id := there.Push("Trap", map[string]string{"trap": "1"})
	there.Private()
	r := h.Repository("ann/web")
	r.Push("First", map[string]string{"README": "1"})
	r.Private()
	submodule(r, "trap", there.URL, id)
	who := git.Remote{URL: r.URL, Credential: git.Credential{Username: "x", Token: "s3cret"}}
	g := reader(t)
	_, err := g.Fetch(t.Context(), who, "main", filepath.Join(t.TempDir(), "source"), "/")
	refused(t, err, `Submodule "trap"`, "denied")
	redirecting := httptestServer(t, func(w http.ResponseWriter, q *http.Request) {
		http.Redirect(w, q, other.URL+q.URL.RequestURI(), http.StatusFound)
	})
	who.URL = redirecting + "/eve/trap.git"
	_, err = g.Head(t.Context(), who, "main")
	refused(t, err, "denied")
	requests := other.Requests()
	if len(requests) < 2 {
		t.Fatalf("the other host was asked %d times: the test shows nothing", len(requests))
	}
	for _, q := range requests {
		if q.Authorization != "" {
			t.Errorf("another host was told %q", q.Authorization)
		}
	}
}

func TestNoRedirectToWhatIsNotAllowed(t *testing.T) {
	t.Parallel()
	h := githost.New(t)
	r := h.Repository("ann/web")
	r.Push("First", map[string]string{"README": "1"})
	for target, words := range map[string]string{
		"file://" + h.Dir:        "not allowed",
		"http://example.com/a/b": "source.allow-http",
		"ftp://127.0.0.1/a":      "not allowed",
	} {
		redirecting := httptestServer(t, func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, target, http.StatusFound)
		})
		_, err := reader(t).Head(t.Context(), git.Remote{URL: redirecting + "/a/b"}, "main")
		t.Log(err)
		refused(t, err, words)
	}
}

// The token is nowhere but in the requests to its host.
func TestTheTokenLeaksNowhere(t *testing.T) {
	t.Parallel()
	h := githost.New(t)
	h.Tokens["s3cret"] = true
	r := h.Repository("ann/web")
	r.Push("First", map[string]string{"README": "1"})
	r.Private()
	state := filepath.Join(t.TempDir(), "git")
	g := reader(t, func(c *git.Config) { c.Dir = state })
	dir := filepath.Join(t.TempDir(), "source")
	stop := make(chan struct{})
	seen := make(chan []string)
	go func() { seen <- lurk(stop, state, "s3cret") }()
	for range 3 {
		_ = os.RemoveAll(dir)
		if _, err := g.Fetch(t.Context(), git.Remote{URL: r.URL, Credential: git.Credential{Username: "x", Token: "s3cret"}}, "main", dir, "/"); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	if leaks := <-seen; len(leaks) > 0 {
		t.Errorf("the token was in %q", leaks)
	}
	if got := files(t, dir); !slices.Equal(got, []string{"README"}) {
		t.Errorf("files %q", got)
	}
	_, err := g.Head(t.Context(), git.Remote{URL: r.URL, Credential: git.Credential{Username: "x", Token: "wr0ng"}}, "main")
	refused(t, err, "denied")
	if strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("the reason has the token: %v", err)
	}
}

// What a repository says about itself makes git do nothing.
func TestRepositoryThatConfigures(t *testing.T) {
	t.Parallel()
	h := githost.New(t)
	r := h.Repository("ann/web")
	mark := filepath.Join(t.TempDir(), "ran")
	r.Push("First", map[string]string{
		".gitattributes": "* filter=evil\n*.txt diff=evil merge=evil\n", "a.txt": "1",
		".gitconfig":          "[filter \"evil\"]\n\tsmudge = touch " + mark + "\n",
		".lfsconfig":          "[lfs]\n\turl = ext::touch\n[filter \"evil\"]\n\tsmudge = touch " + mark + "\n",
		"hooks/post-checkout": "#!/bin/sh\ntouch " + mark + "\n",
	})
	if err := os.Symlink("/etc", filepath.Join(r.Work, "etc")); err != nil {
		t.Fatal(err)
	}
	r.Push("Links", nil)
	dir := filepath.Join(t.TempDir(), "source")
	if _, err := reader(t).Fetch(t.Context(), git.Remote{URL: r.URL}, "main", dir, "/"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("the repository ran a program")
	}
	// Links are links: nothing was read or written through one.
	if to, err := os.Readlink(filepath.Join(dir, "etc")); err != nil || to != "/etc" {
		t.Errorf("the link is %q, %v", to, err)
	}
}

// Commits that git itself would not make.
func TestCraftedCommits(t *testing.T) {
	t.Parallel()
	h := githost.New(t)
	for _, c := range []struct {
		why, words string
		make       func(r *githost.Repository) string // returns a tree
	}{
		{"a .git in the tree", "attack", func(r *githost.Repository) string {
			blob := r.GitWith("[core]\n\tfsmonitor = touch /tmp/pwned\n", "hash-object", "-w", "--stdin")
			inner := r.GitWith("100644 blob "+blob+"\tconfig\n", "mktree")
			return literalTree(r, "40000 .git", inner)
		}},
		{"a .git in other letters", "attack", func(r *githost.Repository) string {
			blob := r.GitWith("x", "hash-object", "-w", "--stdin")
			inner := r.GitWith("100644 blob "+blob+"\tconfig\n", "mktree")
			return literalTree(r, "40000 .GIT", inner)
		}},
		{"a way out of the tree", "attack", func(r *githost.Repository) string {
			blob := r.GitWith("x", "hash-object", "-w", "--stdin")
			inner := r.GitWith("100644 blob "+blob+"\tpwned\n", "mktree")
			return literalTree(r, "40000 ..", inner)
		}},
		{".gitmodules that is a link", "attack", func(r *githost.Repository) string {
			blob := r.GitWith("/etc/passwd", "hash-object", "-w", "--stdin")
			return r.GitWith("120000 blob "+blob+"\t.gitmodules\n", "mktree")
		}},
		{"a submodule below a link", "attack", func(r *githost.Repository) string {
			blob := r.GitWith("/tmp", "hash-object", "-w", "--stdin")
			inner := r.GitWith("160000 commit "+strings.Repeat("1", 40)+"\tsub\n", "mktree", "--missing")
			return literalTree(r, "120000 a", blob, "40000 a", inner)
		}},
	} {
		r := h.Repository("eve/" + strings.ReplaceAll(c.why, " ", "-"))
		tree := c.make(r)
		commit := r.Git("commit-tree", "-m", "x", tree)
		r.Git("update-ref", "refs/heads/main", commit)
		r.Git("push", "-q", "origin", "main")
		_, err := reader(t).Fetch(t.Context(), git.Remote{URL: r.URL}, "main", filepath.Join(t.TempDir(), "source"), "/")
		t.Logf("%s: %v", c.why, err)
		refused(t, err, c.words)
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	h := githost.New(t)
	small := func(c *git.Config) { c.MaxBytes, c.MaxFiles = 3<<20, 50 }
	bomb := h.Repository("eve/bomb") // a few kilobytes on the way
	bomb.Push("Bomb", map[string]string{"zeros": strings.Repeat("\x00", 40<<20)})
	many := h.Repository("eve/many")
	all := map[string]string{}
	for n := range 60 {
		all["f"+string(rune('a'+n/26))+string(rune('a'+n%26))] = ""
	}
	many.Push("Many", all)
	noise := h.Repository("eve/noise")
	noise.Push("Noise", map[string]string{"noise": random(8 << 20)})
	large := h.Repository("eve/large")
	large.Push("Large", map[string]string{".gitattributes": "*.bin filter=lfs\n", "a.bin": githost.Pointer(strings.Repeat("0", 64), 5<<20)})
	for _, r := range []*githost.Repository{bomb, many, noise, large} {
		dir := filepath.Join(t.TempDir(), "source")
		_, err := reader(t, small).Fetch(t.Context(), git.Remote{URL: r.URL}, "main", dir, "/")
		t.Logf("%s: %v", r.Name, err)
		refused(t, err, "too large", "source.max-size")
	}
}
