package backup

import (
	"archive/tar"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// scratchPrefix begins the name of the directory that has the snapshot of the database for as long as it
// takes to write it.
const scratchPrefix = "backup-"

// left are the names in a data directory that are not backed up: what is made anew, caches, and what only
// a running daemon has. The engine's directory is among them: images come again from the registry, and
// the disks of instances do not outlive them by contract.
var left = []string{
	"engine", "build", "checkouts", "git", "lock", "daemon.json", "aws",
	Database, Database + "-wal", Database + "-shm", aboutName, listName,
}

// kept reports whether a name in the data directory is backed up.
func kept(name string) bool {
	return !slices.Contains(left, name) && !strings.HasPrefix(name, scratchPrefix)
}

// tree adds a directory and everything below.
func (w *writer) tree(dir string) error {
	entries, err := os.ReadDir(filepath.Join(w.root, dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	if dir != "." {
		if err := w.directory(dir); err != nil {
			return err
		}
	}
	// What Git's branches name must be there: they are read before the objects, which nobody deletes.
	slices.SortStableFunc(entries, func(a, b fs.DirEntry) int { return last(a) - last(b) })
	for _, e := range entries {
		if err := w.entry(dir, e); err != nil {
			return err
		}
	}
	return nil
}

func last(e fs.DirEntry) int {
	if e.Name() == "objects" {
		return 1
	}
	return 0
}

func (w *writer) entry(dir string, e fs.DirEntry) error {
	name := filepath.Join(dir, e.Name())
	switch {
	case dir == "." && !kept(e.Name()), unfinished(name):
		return nil
	case e.IsDir():
		return w.tree(name)
	case e.Type().IsRegular():
		return w.file(filepath.Join(w.root, name), name)
	default:
		return nil // sockets and pipes
	}
}

// unfinished reports whether what is below a name is only being made: uploads to the registry, pushes.
func unfinished(name string) bool {
	base := filepath.Base(name)
	return base == "_uploads" || base == ".scratch" || strings.HasPrefix(base, "tmp_objdir-") || strings.HasPrefix(base, "incoming-")
}

// directory adds a directory without what is in it: some are needed empty.
func (w *writer) directory(name string) error {
	return w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: filepath.ToSlash(name) + "/", Mode: 0o700})
}

// Tidy deletes what a killed backup left in a data directory.
func Tidy(dir string) error {
	found, err := filepath.Glob(filepath.Join(dir, scratchPrefix+"*"))
	for _, path := range found {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}
