package build

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/slipway-run/slipway/internal/build/plan"
)

// tree is a directory of the repository. It follows symbolic links itself, and none out of the
// repository: what is there belongs to somebody else.
type tree struct {
	fs  fs.FS  // of the repository
	dir string // in it
}

// errOutside is a link that leads out of the repository.
var errOutside = errors.New("leads out of the repository")

// maxLinks is what Linux follows, too.
const maxLinks = 40

// Open opens a file or a directory. Others, such as named pipes, would make who reads them wait.
func (t tree) Open(name string) (fs.File, error) {
	info, err := t.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("is no file")}
	}
	real, err := t.resolve(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return t.fs.Open(real)
}

// Stat tells of a file without opening it.
func (t tree) Stat(name string) (fs.FileInfo, error) {
	real, err := t.resolve(name)
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return fs.Stat(t.fs, real)
}

// resolve returns the path without links that a path stands for.
func (t tree) resolve(name string) (string, error) {
	done, rest := ".", strings.Split(path.Join(t.dir, name), "/")
	for links := 0; len(rest) > 0; {
		next := rest[0]
		rest = rest[1:]
		if next == ".." {
			if done == "." {
				return "", errOutside
			}
			done = path.Dir(done)
			continue
		}
		here := path.Join(done, next)
		info, err := fs.Lstat(t.fs, here)
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			return "", e.Err
		} else if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			done = here
			continue
		}
		target, err := fs.ReadLink(t.fs, here)
		if links++; err != nil || links > maxLinks {
			return "", errors.New("is a link that leads nowhere")
		}
		if path.IsAbs(target) {
			return "", errOutside
		}
		rest = append(strings.Split(path.Clean(target), "/"), rest...)
	}
	return done, nil
}

// enter goes to the source directory.
func (d *decider) enter(directory string) error {
	dir := strings.Trim(path.Clean("/"+directory), "/")
	if escapes(directory) {
		return failf("SourceDirectory %q leads out of the repository. It is a path from its root, such as \"/services/web\".", directory)
	}
	if dir == "" {
		dir = "."
	}
	info, err := fs.Stat(d.root, dir)
	switch {
	case errors.Is(err, errOutside):
		return failf("SourceDirectory %q is a symbolic link that leads out of the repository. Put the files into the repository.", directory)
	case err != nil:
		return failf("The repository has no directory %q, which is the SourceDirectory. It is a path from its root, with the same capital letters; \"/\" is the root.", directory)
	case !info.IsDir():
		return failf("SourceDirectory %q is a file. Give the directory that it is in.", directory)
	}
	d.dir = path.Join("/", dir)
	d.src = tree{d.root.fs, dir}
	return nil
}

// escapes reports whether a path has more ".." than directories to leave.
func escapes(name string) bool {
	depth := 0
	for part := range strings.SplitSeq(name, "/") {
		switch part {
		case "", ".":
		case "..":
			if depth--; depth < 0 {
				return true
			}
		default:
			depth++
		}
	}
	return false
}

// failf is a failure that the owner of the service can mend.
func failf(format string, args ...any) error {
	return &plan.Failure{Reason: fmt.Sprintf(format, args...)}
}
