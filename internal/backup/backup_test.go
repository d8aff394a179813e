package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// files are those of a data directory: what is backed up and what is not.
var files = map[string]string{
	"root.key":                            "key",
	"vault.keys/arn%3Aaws.key":            "another",
	"config.yaml":                         "domain: x\n",
	"registry/docker/blobs/sha256/ab/1":   strings.Repeat("blob", 1<<16),
	"registry/r/_uploads/1/data":          "not whole",
	"source/us-east-1/web.git/HEAD":       "ref: refs/heads/main\n",
	"source/us-east-1/web.git/refs/h":     "0123",
	"source/us-east-1/web.git/objects/01": "object",
	"source/.scratch/incoming/x":          "not whole",
	"engine/root/image":                   "comes again",
	"checkouts/1/main.go":                 "comes again",
	"slipway.db":                          "not as of one moment",
	"slipway.db-wal":                      "neither",
	"backup-123/slipway.db":               "of a killed backup",
	"daemon.json":                         "{}",
	"lock":                                "123",
	"logs/events":                         "event\n",
}

var notKept = []string{
	"registry/r/_uploads/1/data", "source/.scratch/incoming/x", "engine/root/image", "checkouts/1/main.go",
	"slipway.db-wal", "backup-123/slipway.db", "daemon.json", "lock",
}

func source(t *testing.T) Source {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "source/us-east-1/web.git/refs/tags"), 0o700); err != nil {
		t.Fatal(err)
	}
	return Source{
		Dir: dir, About: About{Version: "1.2", Time: time.Unix(1e9, 0).UTC(), Region: "us-east-1", Account: "0", Domain: "localhost"},
		Snapshot: func(_ context.Context, file string) error { return os.WriteFile(file, []byte("snapshot"), 0o600) },
	}
}

func written(t *testing.T, s Source) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := s.Write(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestBackup(t *testing.T) {
	t.Parallel()
	s := source(t)
	data := written(t, s)
	if found, _ := filepath.Glob(filepath.Join(s.Dir, scratchPrefix+"*")); len(found) != 1 {
		t.Errorf("the backup leaves %q", found)
	}
	dir := filepath.Join(t.TempDir(), "new", "data")
	about, err := Restore(bytes.NewReader(data), dir)
	if err != nil {
		t.Fatal(err)
	}
	want := s.About
	want.Format = format
	if diff := cmp.Diff(want, about); diff != "" {
		t.Errorf("about (-want +got):\n%s", diff)
	}
	wantFiles := map[string]string{}
	for name, content := range files {
		wantFiles[name] = content
	}
	for _, name := range notKept {
		delete(wantFiles, name)
	}
	wantFiles[Database] = "snapshot"
	if diff := cmp.Diff(wantFiles, read(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if info, err := os.Stat(filepath.Join(dir, "source/us-east-1/web.git/refs/tags")); err != nil || !info.IsDir() {
		t.Errorf("an empty directory that Git needs: %v", err)
	}
	if others, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), "*")); len(others) != 1 {
		t.Errorf("beside the directory there are %q", others)
	}
}

// read returns the files of a directory, and sees that nobody else may read them.
func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if info, _ := e.Info(); info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		got[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// A backup that was cut off anywhere, or has a bit that is another, restores nothing.
func TestDamaged(t *testing.T) {
	t.Parallel()
	data := written(t, source(t))
	refused := func(what string, data []byte) {
		t.Helper()
		parent := t.TempDir()
		_, err := Restore(bytes.NewReader(data), filepath.Join(parent, "data"))
		if _, ok := errors.AsType[*Damaged](err); !ok {
			t.Errorf("%s: %v", what, err)
		}
		if left, _ := os.ReadDir(parent); len(left) != 0 {
			t.Errorf("%s leaves %v", what, left)
		}
	}
	for n := 0; n < len(data)-20; n += max(1, len(data)/40) {
		refused("cut off", data[:n])
		flipped := bytes.Clone(data)
		flipped[n] ^= 0x10
		parent := t.TempDir()
		_, err := Restore(bytes.NewReader(flipped), filepath.Join(parent, "data"))
		if err == nil { // the frame's header has bits that say nothing about the content
			if diff := cmp.Diff("snapshot", read(t, filepath.Join(parent, "data"))[Database]); diff != "" {
				t.Errorf("bit %d: %s", n, diff)
			}
		} else if _, ok := errors.AsType[*Damaged](err); !ok {
			t.Errorf("bit %d: %v", n, err)
		}
	}
	refused("something else", []byte("#!/bin/sh\n"))
}

// archive makes what looks like a backup.
func archive(t *testing.T, entries ...*tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{tar: tar.NewWriter(z)}
	if err := w.document(aboutName, About{Format: format}); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := w.tar.WriteHeader(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.document(listName, w.files), w.tar.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What an archive says never leads out of the directory, and is nothing but files.
func TestHostileArchive(t *testing.T) {
	t.Parallel()
	for name, entry := range map[string]*tar.Header{
		"above":      {Typeflag: tar.TypeReg, Name: "../escaped"},
		"absolute":   {Typeflag: tar.TypeReg, Name: "/escaped"},
		"a link":     {Typeflag: tar.TypeSymlink, Name: "out", Linkname: "/etc"},
		"hard link":  {Typeflag: tar.TypeLink, Name: "out", Linkname: "/etc/passwd"},
		"device":     {Typeflag: tar.TypeBlock, Name: "disk"},
		"not listed": {Typeflag: tar.TypeReg, Name: "extra"},
	} {
		parent := t.TempDir()
		_, err := Restore(bytes.NewReader(archive(t, entry)), filepath.Join(parent, "data"))
		if _, ok := errors.AsType[*Damaged](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(parent); len(left) != 0 {
			t.Errorf("%s leaves %v", name, left)
		}
	}
}

func TestRestoreReplacesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := written(t, source(t))
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(bytes.NewReader(data), dir); err == nil || !strings.Contains(err.Error(), "has something in it") {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(dir, "mine")); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(bytes.NewReader(data), dir); err != nil {
		t.Errorf("into an empty directory: %v", err)
	}
}

func TestNewerFormat(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	z, _ := zstd.NewWriter(&out)
	w := &writer{tar: tar.NewWriter(z)}
	if err := errors.Join(w.document(aboutName, About{Format: format + 1, Version: "9"}), w.tar.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(&out, filepath.Join(t.TempDir(), "data")); err == nil || !strings.Contains(err.Error(), "Slipway 9") {
		t.Error(err)
	}
}

func TestSnapshotFails(t *testing.T) {
	t.Parallel()
	s := source(t)
	s.Snapshot = func(context.Context, string) error { return errors.New("the disk is full") }
	if err := s.Write(t.Context(), &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Error(err)
	}
	if err := Tidy(s.Dir); err != nil {
		t.Error(err)
	}
	if found, _ := filepath.Glob(filepath.Join(s.Dir, scratchPrefix+"*")); len(found) != 0 {
		t.Errorf("tidying leaves %q", found)
	}
}
