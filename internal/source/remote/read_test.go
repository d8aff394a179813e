package remote

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// from runs Git with a file as its input.
func (w work) from(file string, args ...string) (string, error) {
	in, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer func() { _ = in.Close() }()
	cmd := exec.CommandContext(w.t.Context(), "git", args...)
	cmd.Dir, cmd.Stdin = w.dir, in
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=a@b")
	out, err := cmd.Output()
	return string(out), err
}

func TestCheckout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1<<20)
	w.serve("shop", "main")
	local := newWork(t, nil)
	write(t, filepath.Join(local.dir, ".git", "info", "attributes"), "* -text -filter -ident -working-tree-encoding\n")
	files := map[string]string{
		"run.sh": "#!/bin/sh\r\n", "sub/a": "a", "left-out": "still here", "id": "$Id$ $Format:%H$",
		".gitattributes": "* text eol=crlf\nleft-out export-ignore\nid ident export-subst\nsub/a filter=evil working-tree-encoding=UTF-16\n",
	}
	local.commit("all", files)
	if err := errors.Join(os.Symlink("/etc/passwd", filepath.Join(local.dir, "out")), os.Chmod(filepath.Join(local.dir, "run.sh"), 0o700)); err != nil {
		t.Fatal(err)
	}
	id := local.commit("links", nil)
	local.git("push", w.url("shop"), "main")
	into := t.TempDir()
	c, err := w.Checkout(t.Context(), home, "shop", id[:10], "/sub", into)
	if err != nil || c.ID != id || c.Tree != local.git("rev-parse", "HEAD:sub") {
		t.Fatalf("%+v, %v", c, err)
	}
	for name, want := range map[string]string{"run.sh": "#!/bin/sh\r\n", "sub/a": "a", "left-out": "still here", "id": "$Id$ $Format:%H$"} {
		if got, err := os.ReadFile(filepath.Join(into, name)); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	if target, err := os.Readlink(filepath.Join(into, "out")); err != nil || target != "/etc/passwd" {
		t.Errorf("the link leads to %q, %v", target, err)
	}
	if info, err := os.Stat(filepath.Join(into, "run.sh")); err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("run.sh: %v, %v", info.Mode(), err)
	}
	if _, err := os.Lstat(filepath.Join(into, ".git")); err == nil {
		t.Error("there is a .git")
	}
	if entries, _ := os.ReadDir(filepath.Join(w.Dir, ".scratch")); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestCheckout_Refuses(t *testing.T) {
	t.Parallel()
	const pointer = lfsPointer + "oid sha256:0123\nsize 12\n"
	tests := []struct {
		reason, says string
		make         func(local work)
		directory    string
	}{
		{"a submodule", `"lib" in commit`, func(local work) {
			local.git("update-index", "--add", "--cacheinfo", "160000,"+local.git("rev-parse", "HEAD")+",lib")
			local.git("commit", "--quiet", "-m", "x")
		}, "/"},
		{"a pointer of Git LFS", `"logo.png" in commit`, func(local work) {
			local.git("config", "filter.lfs.clean", "cat")
			local.commit("x", map[string]string{".gitattributes": "*.png filter=lfs\n", "logo.png": pointer})
		}, "/"},
		{"too much", "Leave out what the build does not need", func(local work) {
			for _, name := range []string{"a", "b", "c", "d", "e"} { // small when packed
				local.commit("x", map[string]string{name: strings.Repeat("x", 1<<20)})
			}
		}, "/"},
		{"no such directory", `has no directory "/web"`, func(local work) {}, "/web"},
		{"a directory that is a file", `has no directory "/a"`, func(local work) {}, "/a"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1<<20)
			w.serve("shop", "main")
			local := newWork(t, map[string]string{"a": "a"})
			tt.make(local)
			local.git("push", w.url("shop"), "main")
			_, err := w.Checkout(t.Context(), home, "shop", local.git("rev-parse", "HEAD"), tt.directory, t.TempDir())
			if apprunner.CodeOf(err) != apprunner.InvalidRequest || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v", err)
			}
		})
	}
	w := newWorld(t, 1<<20)
	w.serve("shop", "main")
	local := newWork(t, map[string]string{"a": "a"})
	local.git("push", w.url("shop"), "main")
	for _, id := range []string{"0123456", strings.Repeat("0", 40), "main", "--all", "HEAD", "", "../x", local.git("rev-parse", "HEAD:a")} {
		if _, err := w.Commit(t.Context(), home, "shop", id, "/"); apprunner.CodeOf(err) != apprunner.ResourceNotFound {
			t.Errorf("commit %q: %v", id, err)
		}
	}
	for _, branch := range []string{"dev", "main^", "../heads/main/x", "--all", ""} {
		if _, err := w.Head(t.Context(), home, "shop", branch, "/"); apprunner.CodeOf(err) != apprunner.ResourceNotFound {
			t.Errorf("branch %q: %v", branch, err)
		}
	}
	if _, err := w.Head(t.Context(), home, "none", "main", "/"); apprunner.CodeOf(err) != apprunner.ResourceNotFound {
		t.Errorf("no repository: %v", err)
	}
	if _, err := w.Head(t.Context(), "..", "shop", "main", "/"); apprunner.CodeOf(err) != apprunner.InvalidRequest {
		t.Errorf("no Region: %v", err)
	}
}

// age makes everything in a repository look d older.
func age(t *testing.T, dir string, d time.Duration) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		then := info.ModTime().Add(-d)
		return os.Chtimes(path, then, then)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What is kept are branches, what revisions were made from, and what was replaced lately.
func TestTidy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 64<<20)
	w.serve("shop", "main")
	local := newWork(t, map[string]string{"a": "a"})
	var ids []string
	for _, name := range []string{"kept", "replaced", "head"} {
		local.git("checkout", "--quiet", "--orphan", name)
		ids = append(ids, local.commit(name, map[string]string{"a": noise(1<<20, name[0])}))
		local.git("push", "--force", w.url("shop"), name+":main")
	}
	keep := func(commits ...string) func(_, _ string) ([]string, bool) {
		return func(_, _ string) ([]string, bool) { return commits, true }
	}
	has := func() (there []bool) {
		for _, id := range ids {
			_, err := w.Commit(t.Context(), home, "shop", id, "/")
			there = append(there, err == nil)
		}
		return there
	}
	dir := w.dir(home, "shop")
	tidy := func(keep func(_, _ string) ([]string, bool)) {
		t.Helper()
		if err := w.Tidy(t.Context(), time.Hour, keep); err != nil {
			t.Fatal(err)
		}
	}
	tidy(keep(ids[0], "0123456789012345678901234567890123456789"))
	if got := has(); !slices.Equal(got, []bool{true, true, true}) {
		t.Errorf("at once: %v", got)
	}
	age(t, dir, grace+time.Minute)
	tidy(keep(ids[0]))
	if got := has(); !slices.Equal(got, []bool{true, false, true}) {
		t.Errorf("after the grace: %v", got)
	}
	if out := local.git("ls-remote", w.url("shop")); strings.Contains(out, "slipway") || strings.Contains(out, ids[0]) {
		t.Errorf("a client sees what is held:\n%s", out)
	}
	before := sizeOf(dir)
	age(t, dir, grace+time.Minute)
	tidy(keep())
	age(t, dir, grace+time.Minute)
	tidy(keep())
	if got := has(); !slices.Equal(got, []bool{false, false, true}) {
		t.Errorf("when nothing is kept: %v", got)
	}
	if after := sizeOf(dir); after > before-1<<20+1<<16 {
		t.Errorf("%d bytes, %d before", after, before)
	}
	// Whatever happens, a clone is whole.
	clone := work{t, t.TempDir()}
	clone.git("clone", "--quiet", w.url("shop"), ".")
	clone.git("fsck", "--full")

	gone := func(_, _ string) ([]string, bool) { return nil, false }
	local.git("push", "--force", w.url("shop"), "kept:main")
	tidy(gone)
	if !isDir(dir) {
		t.Error("a repository without service is deleted at once")
	}
	age(t, dir, 2*time.Hour)
	tidy(gone)
	if isDir(dir) {
		t.Error("a repository without service is kept")
	}
	if err := w.Delete(home, "shop"); err != nil {
		t.Errorf("deletion of nothing: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Head(ctx, home, "shop", "main", "/"); err == nil {
		t.Error("a head of nothing")
	}
}
