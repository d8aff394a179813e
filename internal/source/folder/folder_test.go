package folder

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"
)

// files writes files: those whose name ends with a slash are directories, those whose text begins with
// "->" symbolic links.
func files(t testing.TB, dir string, all map[string]string) {
	t.Helper()
	for name, text := range all {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if target, is := strings.CutPrefix(text, "->"); is {
			err = errors.Join(err, os.Symlink(target, path))
		} else {
			err = errors.Join(err, os.WriteFile(path, []byte(text), 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C", "GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=a@b")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// take makes a snapshot in a new cache and returns what it has.
func take(t testing.TB, o Options) (*Snapshot, []string) {
	t.Helper()
	if o.Cache == "" {
		o.Cache = t.TempDir()
	}
	s, err := Take(t.Context(), o, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	list, err := s.store.git(t.Context(), nil, "ls-tree", "-r", "-z", "--name-only", "--full-tree", s.Commit)
	if err != nil {
		t.Fatal(err)
	}
	return s, strings.FieldsFunc(list, func(r rune) bool { return r == 0 })
}

func TestTake_Rules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		repo   bool   // the root is a Git repository
		dir    string // deployed, below the root
		files  map[string]string
		track  []string // added to the repository in spite of everything
		want   []string
	}{
		{"all there is", false, ".", map[string]string{"a": "", "b/c": "", ".env": ""}, nil, []string{".env", "a", "b/c"}},
		{"no ignore file", false, ".", map[string]string{"a": "", "node_modules/x/y": "", "web/node_modules/z": "", ".venv/bin/python": ""}, nil, []string{"a"}},
		{"ignore files decide alone", false, ".", map[string]string{"a": "", "node_modules/x": "", ".gitignore": "*.log\n"}, nil, []string{".gitignore", "a", "node_modules/x"}},
		{".dockerignore decides alone too", false, ".", map[string]string{"a": "", "node_modules/x": "", ".dockerignore": "*.log\n"}, nil, []string{".dockerignore", "a", "node_modules/x"}},
		{".gitignore of each level", false, ".", map[string]string{
			".gitignore": "*.log\n/build\n", "x.log": "", "build/y": "", "sub/build/y": "", "sub/.gitignore": "!keep.log\n/z\n", "sub/keep.log": "", "sub/z": "", "z": "",
		}, nil, []string{".gitignore", "sub/.gitignore", "sub/build/y", "sub/keep.log", "z"}},
		{"without any repository too", false, "sub", map[string]string{"sub/.gitignore": "*.log\n", "sub/a": "", "sub/b.log": ""}, nil, []string{".gitignore", "a"}},
		{".dockerignore", false, ".", map[string]string{
			".dockerignore": "# all but\n*\n!src\n!*.json\nsrc/**/*_test.go\n/other\n", "a": "", "p.json": "", "src/m.go": "", "src/x/m_test.go": "", "Dockerfile": "", "apprunner.yaml": "",
		}, nil, []string{".dockerignore", "Dockerfile", "apprunner.yaml", "p.json", "src/m.go"}},
		{"both", false, ".", map[string]string{".dockerignore": "docs\n", ".gitignore": "*.log\n", "a": "", "docs/b": "", "c.log": ""}, nil, []string{".dockerignore", ".gitignore", "a"}},
		{"a directory of a repository", true, "apps/web", map[string]string{".gitignore": "*.log\nnode_modules\n", "other": "", "apps/web/a": "", "apps/web/b.log": "", "apps/web/node_modules/c": ""}, nil, []string{"a"}},
		{"ignored, and in the repository all the same", true, ".", map[string]string{".gitignore": "*.log\n", "a.log": "", "b.log": ""}, []string{"a.log"}, []string{".gitignore", "a.log"}},
		{"the same in a directory", true, "sub", map[string]string{".gitignore": "*.log\n", "sub/a.log": "", "sub/b.log": ""}, []string{"sub/a.log"}, []string{"a.log"}},
		{"an ignored folder that is named", true, "build", map[string]string{".gitignore": "build\n", "build/index.html": "", "build/x/y": ""}, nil, []string{"index.html", "x/y"}},
		{"an ignored folder whose name needs care", true, "b[u]*", map[string]string{".gitignore": "/b*\n", "b[u]*/x": "", "bu/y": ""}, nil, []string{"x"}},
		{"names that need care", false, ".", map[string]string{"a b": "", "-rf": "", "ä/ö\n.txt": "", "[x]*?": "", `"q"`: "", ":(top)x": ""}, nil, []string{"\"q\"", "-rf", ":(top)x", "[x]*?", "a b", "ä/ö\n.txt"}},
		{"a deployed directory whose name needs care", true, "a [b]*", map[string]string{"a [b]*/x": "", "a bb/y": ""}, nil, []string{"x"}},
		{"links", false, ".", map[string]string{"a": "", "l": "->a", "out": "->/etc/passwd", "dir/x": "", "ld": "->dir"}, nil, []string{"a", "dir/x", "l", "ld", "out"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			if tt.repo {
				git(t, root, "init", "--quiet")
			}
			files(t, root, tt.files)
			for _, name := range tt.track {
				git(t, root, "add", "--force", name)
			}
			s, got := take(t, Options{Dir: filepath.Join(root, tt.dir)})
			slices.Sort(got)
			slices.Sort(tt.want)
			if !slices.Equal(got, tt.want) {
				t.Errorf("sent %q\nwant %q", got, tt.want)
			}
			if s.Files != len(tt.want) {
				t.Errorf("%d files, want %d", s.Files, len(tt.want))
			}
		})
	}
}

func TestTake_TellsWhatItLeftOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files(t, dir, map[string]string{"a": "", "node_modules/x": "", "web/node_modules/y": ""})
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ := take(t, Options{Dir: dir})
	if want := []string{"node_modules/", "web/node_modules/"}; !slices.Equal(s.LeftOut, want) {
		t.Errorf("left out %q", s.LeftOut)
	}
	if want := []string{"pipe"}; !slices.Equal(s.Skipped, want) {
		t.Errorf("skipped %q", s.Skipped)
	}
}

// Submodules and clones inside are files like others.
func TestTake_RepositoryInside(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	git(t, root, "init", "--quiet")
	files(t, root, map[string]string{".gitignore": "*.log\n", "a": "", "lib/b": "", "lib/c.tmp": "", "lib/.gitignore": "*.tmp\n"})
	git(t, filepath.Join(root, "lib"), "init", "--quiet")
	git(t, filepath.Join(root, "lib"), "add", ".")
	git(t, filepath.Join(root, "lib"), "commit", "--quiet", "-m", "x")
	_, got := take(t, Options{Dir: root})
	if want := []string{".gitignore", "a", "lib/.gitignore", "lib/b"}; !slices.Equal(got, want) {
		t.Errorf("sent %q", got)
	}
}

func TestTake_Refuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		files  map[string]string
		o      Options
		says   string
	}{
		{"nothing", nil, Options{}, "there is nothing to deploy"},
		{"all ignored", map[string]string{".gitignore": "*\n", "a": ""}, Options{}, "there is nothing to deploy"},
		{"a large file", map[string]string{"a": "", "big/file": strings.Repeat("x", 2<<20)}, Options{MaxFile: 1 << 20}, `"big/file" has 2 MiB: a file may have 1`},
		{"a bad pattern", map[string]string{"a": "", ".dockerignore": "[\n"}, Options{}, ".dockerignore has a pattern"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			tt.o.Dir, tt.o.Cache = t.TempDir(), t.TempDir()
			files(t, tt.o.Dir, tt.files)
			_, err := Take(t.Context(), tt.o, false)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
	if _, err := Take(t.Context(), Options{Dir: filepath.Join(t.TempDir(), "none"), Cache: t.TempDir()}, false); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"warning: could not open directory 'a/b/': Permission denied",
		"error: open(\"a/b\"): Permission denied\nerror: unable to index file 'a/b'\nfatal: Unable to process path a/b",
	} {
		if err := unreadable(&failure{"x", text}); !strings.HasPrefix(err.Error(), `"a/b" may not be read by this user`) {
			t.Errorf("%v", err)
		}
	}
	if err := unreadable(&failure{"x", "other"}); err.Error() != "git x: other" {
		t.Error(err)
	}
}

// The user's repository, and everything in it, is as it was.
func TestTake_LeavesTheRepositoryAlone(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	git(t, root, "init", "--quiet")
	files(t, root, map[string]string{"a": "1", "b": "1", ".gitattributes": "* text=auto eol=crlf\n*.bin filter=evil\n", "x.bin": "x\n"})
	git(t, root, "config", "filter.evil.clean", "touch "+root+"/ran")
	git(t, root, "config", "core.fsmonitor", "touch "+root+"/ran")
	git(t, root, "-c", "core.fsmonitor=false", "-c", "filter.evil.clean=cat", "add", ".")
	git(t, root, "-c", "core.fsmonitor=false", "-c", "filter.evil.clean=cat", "commit", "--quiet", "-m", "Begin\n\nMore.")
	before := stateOf(t, root)
	s, _ := take(t, Options{Dir: root})
	if after := stateOf(t, root); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	head := git(t, root, "-c", "core.fsmonitor=false", "rev-parse", "HEAD")
	if want := "Begin (" + head[:8] + ")"; s.Message != want {
		t.Errorf("message %q, want %q", s.Message, want)
	}
	// Files are sent as they are, whatever the attributes say.
	files(t, root, map[string]string{"a": "2\r\n"})
	s, _ = take(t, Options{Dir: root})
	if !strings.HasPrefix(s.Message, "Begin (") || !strings.Contains(s.Message, "with changes that are not committed") {
		t.Errorf("message %q", s.Message)
	}
	cmd := s.store.command(t.Context(), "cat-file", "blob", s.Commit+":a")
	cmd.Env = append(cmd.Env, "GIT_ALTERNATE_OBJECT_DIRECTORIES="+s.store.contents())
	if out, err := run(cmd, nil); err != nil || out != "2\r\n" {
		t.Errorf("sent %q, %v", out, err)
	}
}

// stateOf is every file below a directory with its size and time.
func stateOf(t *testing.T, root string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			fmt.Fprintln(&all, path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// The tree is what Git says that files have: it does not depend on the place, the time, the cache or what
// was there before.
func TestTake_IsDeterministic(t *testing.T) {
	t.Parallel()
	name := rapid.StringMatching(`[a-c]{1,2}(/[a-c]){0,2}\.[tx]`)
	text := rapid.StringN(0, 20, 20).Filter(func(s string) bool { return !strings.HasPrefix(s, "->") }) // no link
	cache, dir := t.TempDir(), t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		all := rapid.MapOfN(name, text, 1, 8).Draw(r, "files")
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			_ = os.RemoveAll(filepath.Join(dir, e.Name()))
		}
		files(t, dir, all)
		got, err := Take(t.Context(), Options{Dir: dir, Cache: cache}, false)
		if err != nil {
			r.Fatal(err)
		}
		defer func() { _ = got.Close() }()
		if want := treeOf(all); got.Tree != want {
			r.Fatalf("tree %s, want %s", got.Tree, want)
		}
	})
}

// treeOf computes the id of a tree with files, as Git defines it.
func treeOf(all map[string]string) string {
	entries := map[string]string{} // by the name that sorts them
	inner := map[string]map[string]string{}
	for name, text := range all {
		dir, rest, deep := strings.Cut(name, "/")
		switch {
		case !deep:
			entries[name] = "100644 " + name + "\x00" + object("blob", text)
		case inner[dir] == nil:
			inner[dir] = map[string]string{rest: text}
		default:
			inner[dir][rest] = text
		}
	}
	for dir, below := range inner {
		id, _ := hex.DecodeString(treeOf(below))
		entries[dir+"/"] = "40000 " + dir + "\x00" + string(id)
	}
	var tree strings.Builder
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		tree.WriteString(entries[name])
	}
	return hex.EncodeToString([]byte(object("tree", tree.String())))
}

func object(kind, content string) string {
	sum := sha1.Sum([]byte(fmt.Sprintf("%s %d\x00%s", kind, len(content), content)))
	return string(sum[:])
}
