package backup

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Damaged is the error of what is no whole backup.
type Damaged struct{ Reason string }

func (e *Damaged) Error() string { return "the backup is damaged: " + e.Reason }

func damaged(format string, args ...any) error {
	return &Damaged{fmt.Sprintf(format, args...)}
}

// Restore makes a data directory of a backup. It comes into being whole or not at all: dir must not be
// there yet, or be empty.
func Restore(from io.Reader, dir string) (About, error) {
	about, err := restore(from, dir)
	if err != nil {
		return about, fmt.Errorf("restore into %s: %w", dir, err)
	}
	return about, nil
}

func restore(from io.Reader, dir string) (about About, err error) {
	if err := vacant(dir); err != nil {
		return about, err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return about, err
	}
	fresh, err := os.MkdirTemp(parent, filepath.Base(dir)+".restore-")
	if err != nil {
		return about, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(fresh))
		}
	}()
	if about, err = unpack(from, fresh); err != nil {
		return about, err
	}
	if err := syncTree(fresh); err != nil {
		return about, err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return about, err
	}
	return about, os.Rename(fresh, dir)
}

// vacant refuses a directory that has something in it.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("the directory has something in it: give another --data-dir, or move what is there away (\"slipway down --delete-data\" deletes it)")
	}
	return nil
}

func unpack(from io.Reader, dir string) (about About, err error) {
	compressed, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
	if err != nil {
		return about, err
	}
	defer compressed.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return about, err
	}
	defer root.Close()
	r := &reader{tar: tar.NewReader(compressed), root: root, found: map[string]file{}}
	if about, err = r.about(); err != nil {
		return about, err
	}
	for !r.listed {
		if err := r.next(); err != nil {
			return about, err
		}
	}
	return about, r.check()
}

// reader reads the entries of a backup.
type reader struct {
	tar    *tar.Reader
	root   *os.Root
	found  map[string]file
	list   []file
	listed bool
}

// about reads the first entry.
func (r *reader) about() (a About, err error) {
	header, err := r.tar.Next()
	if err != nil || header.Name != aboutName {
		return a, damaged("it does not begin as one that \"slipway backup\" wrote")
	}
	if err := json.NewDecoder(io.LimitReader(r.tar, 1<<20)).Decode(&a); err != nil {
		return a, damaged("its description cannot be read: %v", err)
	}
	if a.Format > format {
		return a, fmt.Errorf("the backup was written by Slipway %s in format %d, and this one reads format %d: restore it with a newer Slipway", a.Version, a.Format, format)
	}
	return a, nil
}

func (r *reader) next() error {
	header, err := r.tar.Next()
	if err != nil {
		return damaged("it ends too early, after %d files (%v)", len(r.found), err)
	}
	name := path.Clean(header.Name)
	switch {
	case header.Name == listName:
		r.listed = true
		if err := json.NewDecoder(r.tar).Decode(&r.list); err != nil {
			return damaged("its list of files cannot be read: %v", err)
		}
		return nil
	case !filepath.IsLocal(name) || strings.Contains(name, "\\"):
		return damaged("it has a file with the name %q", header.Name)
	case header.Typeflag == tar.TypeDir:
		return r.root.MkdirAll(name, 0o700)
	case header.Typeflag == tar.TypeReg:
		return r.file(name, header)
	default:
		return damaged("%q is neither a file nor a directory", header.Name)
	}
}

func (r *reader) file(name string, header *tar.Header) error {
	if err := r.root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	mode := fs.FileMode(header.Mode) & 0o700 // nobody but the owner, whatever it was
	f, err := r.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode|0o600)
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), content{r.tar, name})
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	r.found[name] = file{name, n, sumOf(sum)}
	return r.root.Chtimes(name, header.ModTime, header.ModTime)
}

// content is what a backup has of a file: when it cannot be read the backup is at fault, and not the disk
// that is written to.
type content struct {
	io.Reader
	name string
}

func (c content) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = damaged("it ends or is unreadable in %s (%v)", c.name, err)
	}
	return n, err
}

// check compares what came with the list.
func (r *reader) check() error {
	for _, want := range r.list {
		if got, ok := r.found[want.Path]; !ok || got != want {
			return damaged("%s is not what was written", want.Path)
		}
	}
	if len(r.list) != len(r.found) {
		return damaged("it has %d files, and %d are listed", len(r.found), len(r.list))
	}
	if _, ok := r.found[Database]; !ok {
		return damaged("it has no database")
	}
	return nil
}

// syncTree brings everything below a directory to the disk: a restored Slipway is as durable as one that
// wrote its files itself.
func syncTree(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		f, err := root.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}
