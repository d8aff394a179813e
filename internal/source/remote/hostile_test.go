package remote

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

func noise(n int, seed ...byte) string {
	b := make([]byte, n)
	var key [32]byte
	copy(key[:], seed)
	r := rand.NewChaCha8(key)
	_, _ = r.Read(b)
	return string(b)
}

// left are files of pushes that did not become anything; Git may be cleaning them up.
func left(t *testing.T, dir string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if name := filepath.Base(path); strings.HasPrefix(name, "tmp_") || strings.HasPrefix(name, "incoming-") || strings.HasSuffix(name, ".lock") {
			found = append(found, path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestPush_Hostile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		make   func(local work) (refspecs []string)
		says   string
	}{
		{"too large", func(local work) []string {
			local.commit("large", map[string]string{"large": noise(2 << 20)})
			return []string{"main"}
		}, "pack exceeds maximum allowed size"},
		{"too many branches", func(local work) (all []string) {
			for i := range maxRefs + 1 {
				all = append(all, fmt.Sprintf("HEAD:refs/heads/b%d", i))
			}
			return append(all, "main")
		}, "The repository would have 1002 branches and tags: it may have 1000."},
		{"a directory .git in a commit", func(local work) []string {
			blob := local.git("hash-object", "-w", "a")
			inner := local.pipe("100644 blob "+blob+"\tconfig\n", "mktree")
			tree := local.pipe("040000 tree "+inner+"\t.git\n", "mktree")
			local.git("update-ref", "refs/heads/main", local.git("commit-tree", tree, "-m", "x"))
			return []string{"main"}
		}, "hasDotgit"},
		{"a file that leaves the tree", func(local work) []string {
			blob := local.git("hash-object", "-w", "a")
			raw := "100644 ..\x00" + string(unhex(t, blob))
			tree := local.pipe(raw, "hash-object", "-t", "tree", "-w", "--literally", "--stdin")
			local.git("update-ref", "refs/heads/main", local.git("commit-tree", tree, "-m", "x"))
			return []string{"main"}
		}, "hasDotdot"},
		{"a submodule whose URL is an option", func(local work) []string {
			local.commit("x", map[string]string{".gitmodules": "[submodule \"x\"]\n\tpath = x\n\turl = --upload-pack=touch /tmp/x\n"})
			return []string{"main"}
		}, "gitmodulesUrl"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1<<20)
			w.serve("shop", "main")
			local := newWork(t, map[string]string{"a": "a"})
			refs := tt.make(local)
			out, err := local.try(append([]string{"push", w.url("shop")}, refs...)...)
			if err == nil || !strings.Contains(out, tt.says) {
				t.Errorf("%v, want %q:\n%s", err, tt.says, out[:min(len(out), 2000)])
			}
			if _, err := w.Head(t.Context(), home, "shop", "main", "/"); err == nil {
				t.Error("a refused push is there")
			}
			if found := left(t, w.Dir); len(found) > 0 {
				t.Errorf("left behind: %q", found)
			}
		})
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	var out []byte
	if _, err := fmt.Sscanf(text, "%x", &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// post sends a request as Git does.
func (w *world) post(t *testing.T, path string, body io.Reader) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.http.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("key", "secret")
	r.Header.Set("Content-Type", "application/x-git-receive-pack-request")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = answer.Body.Close() }()
	text, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text)
}

func TestRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1<<20)
	w.serve("shop", "main")
	line := fmt.Sprintf("%040d %040d refs/heads/x", 0, 1)
	line = fmt.Sprintf("%04x%s", len(line)+4, line)
	tests := []struct {
		reason, path string
		body         io.Reader
		status       int
		says         string
	}{
		{"endless branches", "/git/shop.git/git-receive-pack", strings.NewReader(strings.Repeat(line, 100_000)), 400, "push fewer at once"},
		{"no list", "/git/shop.git/git-receive-pack", strings.NewReader("zzzz"), 400, `a line of length "zzzz"`},
		{"a list that is cut off", "/git/shop.git/git-receive-pack", strings.NewReader("00ff0000"), 400, "cut off"},
		{"another program", "/git/shop.git/git-upload-archive", strings.NewReader(""), 403, "smart HTTP"},
		{"a file", "/git/shop.git/config", strings.NewReader(""), 403, "smart HTTP"},
		{"Git LFS", "/git/shop.git/info/lfs/objects/batch", strings.NewReader(""), 501, "keeps no Git LFS files"},
		{"a name with a slash", "/git/shop%2fx.git/git-receive-pack", strings.NewReader(""), 404, "no repository"},
		{"a line's end in the name", "/git/shop%0a.git/git-receive-pack", strings.NewReader(""), 404, "no repository"},
		{"a zero in the name", "/git/shop%00.git/git-receive-pack", strings.NewReader(""), 404, "no repository"},
	}
	for _, tt := range tests {
		status, text := w.post(t, tt.path, tt.body)
		if status != tt.status || !strings.Contains(text, tt.says) {
			t.Errorf("%s: %d %s", tt.reason, status, text)
		}
	}
}

func FuzzLimitCommands(f *testing.F) {
	f.Add([]byte("0000"), []byte("PACK"))
	f.Add([]byte("000fx\x00push-op0000"), []byte("0000"))
	f.Fuzz(func(t *testing.T, list, rest []byte) {
		all := append(bytes.Clone(list), rest...)
		r, err := limitCommands(iotest.OneByteReader(bytes.NewReader(all)))
		if err != nil {
			return
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, all) {
			t.Errorf("%q became %q, %v", all, got, err)
		}
	})
}

// A push that breaks off in the middle leaves what was there before, and nothing else.
func TestPush_CutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 64<<20)
	w.serve("shop", "main")
	local := newWork(t, map[string]string{"a": "a"})
	local.git("push", w.url("shop"), "main")
	before := local.git("rev-parse", "HEAD")
	after := local.commit("large", map[string]string{"large": noise(4 << 20)})
	pack := local.pipe(after+"\n^"+before+"\n", "pack-objects", "--revs", "--stdout", "--quiet")
	command := fmt.Sprintf("%s %s refs/heads/main\x00report-status", before, after)
	push := fmt.Sprintf("%04x%s0000%s", len(command)+4, command, pack)
	for _, part := range []float64{0.00001, 0.1, 0.5, 0.99} {
		cut := io.MultiReader(strings.NewReader(push[:int(part*float64(len(push)))]), iotest.ErrReader(errors.New("the client was killed")))
		w.post(t, "/git/shop.git/git-receive-pack", cut)
		if c, err := w.Head(t.Context(), home, "shop", "main", "/"); err != nil || c.ID != before {
			t.Fatalf("after %.2f of a push: %+v, %v", part, c, err)
		}
	}
	deadline := time.Now().Add(10 * time.Second)
	for len(left(t, w.Dir)) > 0 && time.Now().Before(deadline) { // Git cleans up when it has noticed
		time.Sleep(20 * time.Millisecond)
	}
	if found := left(t, w.Dir); len(found) > 0 {
		t.Errorf("left behind: %q", found)
	}
	local.git("push", w.url("shop"), "main")
}

// What a Git that was killed leaves behind stops no push after a restart.
func TestOpen_AfterKill(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1<<20)
	w.serve("shop", "main")
	local := newWork(t, map[string]string{"a": "a"})
	local.git("push", w.url("shop"), "main")
	dir := w.dir(home, "shop")
	for _, name := range []string{"refs/heads/main.lock", "packed-refs.lock", "HEAD.lock", "objects/tmp_objdir-incoming-x/pack/p", "objects/pack/tmp_pack_x", "gc.pid"} {
		write(t, filepath.Join(dir, name), "")
	}
	write(t, filepath.Join(w.Dir, ".scratch", "new-1", "HEAD"), "half a repository")
	local.commit("next", map[string]string{"a": "b"})
	if out, err := local.try("push", w.url("shop"), "main"); err == nil {
		t.Fatalf("the locks stop nothing:\n%s", out)
	}
	w.http.Close()
	w.open(t, w.Dir, 1<<20)
	if found := left(t, w.Dir); len(found) > 0 {
		t.Errorf("left behind: %q", found)
	}
	local.git("push", w.url("shop"), "main")
}

// Pushes at the same time: to branches of their own all succeed, to the same one the last one counts.
func TestPush_Concurrent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1<<20)
	w.serve("shop", "main")
	const clients = 6
	var all sync.WaitGroup
	commits := make([]string, clients)
	for i := range clients {
		local := newWork(t, map[string]string{"a": fmt.Sprint(i)})
		commits[i] = local.git("rev-parse", "HEAD")
		all.Go(func() {
			if out, err := local.try("push", w.url("shop"), fmt.Sprintf("main:b%d", i)); err != nil {
				t.Errorf("push to a branch of its own: %v\n%s", err, out)
			}
			_, _ = local.try("push", "--force", w.url("shop"), "main")
		})
		all.Go(func() { _ = w.Tidy(t.Context(), time.Hour, func(_, _ string) ([]string, bool) { return nil, true }) })
	}
	all.Wait()
	for i, id := range commits {
		if c, err := w.Head(t.Context(), home, "shop", fmt.Sprintf("b%d", i), "/"); err != nil || c.ID != id {
			t.Errorf("branch %d: %+v, %v", i, c, err)
		}
	}
	if c, err := w.Head(t.Context(), home, "shop", "main", "/"); err != nil || !strings.Contains(strings.Join(commits, " "), c.ID) {
		t.Errorf("main: %+v, %v", c, err)
	}
}

// What automation has is often only the newest commit.
func TestPush_Shallow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1<<20)
	w.serve("shop", "main")
	origin := newWork(t, map[string]string{"a": "1"})
	origin.commit("second", map[string]string{"a": "2"})
	clone := work{t, t.TempDir()}
	clone.git("clone", "--quiet", "--depth=1", "file://"+origin.dir, ".")
	clone.git("push", w.url("shop"), "main")
	c, err := w.Head(t.Context(), home, "shop", "main", "/")
	if err != nil || c.ID != origin.git("rev-parse", "HEAD") {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := w.Checkout(t.Context(), home, "shop", c.ID, "/", t.TempDir()); err != nil {
		t.Error(err)
	}
	if err := w.Tidy(t.Context(), time.Hour, func(_, _ string) ([]string, bool) { return []string{c.ID}, true }); err != nil {
		t.Error(err)
	}
	origin.git("push", w.url("shop"), "main:full")
}

func (w work) pipe(input string, args ...string) string {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "input")
	if err := os.WriteFile(file, []byte(input), 0o600); err != nil {
		w.t.Fatal(err)
	}
	out, err := w.from(file, args...)
	if err != nil {
		w.t.Fatalf("git %s: %v", strings.Join(args, " "), err)
	}
	if args[0] == "pack-objects" {
		return out
	}
	return strings.TrimSpace(out)
}
