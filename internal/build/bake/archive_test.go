package bake

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// registry serves one archive as npm does.
func registry(t *testing.T, content []byte) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/p/-/p-1.tgz" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(server.Close)
	t.Setenv("npm_config_registry", server.URL+"/")
}

func TestFetch(t *testing.T) {
	content := []byte("content")
	registry(t, content)
	sum := sha256.Sum256(content)
	right := "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
	file := filepath.Join(t.TempDir(), "file")
	for _, c := range []struct{ path, digest, want, reason string }{
		{"p/-/p-1.tgz", right, "", "what the recipe wants"},
		{"p/-/p-1.tgz", "sha256-" + base64.StdEncoding.EncodeToString(make([]byte, 32)), "the registry has another file", "other content"},
		{"p/-/p-2.tgz", right, "404 Not Found. npm_config_registry in the environment", "not there"},
	} {
		err := Archive{From: "npm", Path: c.path, Digest: c.digest}.fetch(t.Context(), file)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.reason, err, c.want)
		}
	}
}

func TestUnpackTar(t *testing.T) {
	t.Parallel()
	var content bytes.Buffer
	plain := gzip.NewWriter(&content)
	w := tar.NewWriter(plain)
	for _, h := range []tar.Header{
		{Name: "package/bin/run.js", Typeflag: tar.TypeReg, Mode: 0o644},
		{Name: "package/lib/own", Typeflag: tar.TypeReg, Mode: 0o4777},
		{Name: "package/doc/left-out", Typeflag: tar.TypeReg, Mode: 0o644},
		{Name: "package/lib/link", Typeflag: tar.TypeSymlink, Linkname: "own"},
	} {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = w.Close(), plain.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "archive")
	if err := os.WriteFile(file, content.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	a := Archive{From: "npm", Path: "p.tgz", Strip: 1, Only: []string{"bin", "lib"}, To: "/usr/local", Executable: []string{"bin"}}
	if err := a.unpack(file, dir); err != nil {
		t.Fatal(err)
	}
	want(t, dir, "usr/local/bin/run.js -rwxr-xr-x", "usr/local/lib/link L", "usr/local/lib/own -rwxr-xr-x")
}

// Nothing in an archive gets out of where it is unpacked.
func TestUnpackHostile(t *testing.T) {
	t.Parallel()
	for _, h := range [][]tar.Header{
		{{Name: "package/../../../out", Typeflag: tar.TypeReg}},
		{{Name: "package/link", Typeflag: tar.TypeSymlink, Linkname: "/tmp"}, {Name: "package/link/out", Typeflag: tar.TypeReg}},
		{{Name: "package/link", Typeflag: tar.TypeSymlink, Linkname: "../../.."}, {Name: "package/link/out", Typeflag: tar.TypeReg}},
	} {
		var content bytes.Buffer
		plain := gzip.NewWriter(&content)
		w := tar.NewWriter(plain)
		for _, one := range h {
			if err := w.WriteHeader(&one); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = w.Close(), plain.Close()
		dir := t.TempDir()
		file := filepath.Join(dir, "archive")
		root := filepath.Join(dir, "root")
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		err := Archive{From: "npm", Path: "p.tgz", Strip: 1, To: "/a/b"}.unpack(file, root)
		if found, _ := filepath.Glob(filepath.Join(dir, "out")); len(found) > 0 {
			t.Errorf("%s is outside, %v", found, err)
		}
		if _, err := os.Stat("/tmp/out"); err == nil {
			t.Error("/tmp/out was written")
		}
	}
}

func TestUnpackZip(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "archive")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	for _, name := range []string{"m@v1/bin/go", "m@v1/src/_go.mod", "m@v1/pkg/tool/l/compile"} {
		if _, err := w.Create("golang.org/" + name); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = w.Close(), f.Close()
	a := Archive{From: "go", Path: "p.zip", Strip: 2, To: "/usr/local/go", Executable: []string{"bin", "pkg/tool"}}
	if err := a.unpack(file, dir); err != nil {
		t.Fatal(err)
	}
	want(t, dir, "usr/local/go/bin/go -rwxr-xr-x", "usr/local/go/pkg/tool/l/compile -rwxr-xr-x", "usr/local/go/src/go.mod -rw-r--r--")
}

// want compares the files below usr with what they should be.
func want(t *testing.T, dir string, lines ...string) {
	t.Helper()
	var got []string
	err := fs.WalkDir(os.DirFS(dir), "usr", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		mode := "L"
		if err == nil && info.Mode()&fs.ModeSymlink == 0 {
			mode = info.Mode().String()
		}
		got = append(got, fmt.Sprintf("%s %s", name, mode))
		return err
	})
	if err != nil || strings.Join(got, "\n") != strings.Join(lines, "\n") {
		t.Errorf("%v, got\n%s\nwant\n%s", err, strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}
