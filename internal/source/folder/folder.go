// Package folder makes a Git commit of a folder and pushes it: what `slipway deploy PATH` sends.
//
// It works in any folder, and never touches a Git repository that the folder may be in: index and
// objects are its own, in the user's cache. They are kept for the next time, so that only files that
// have changed are read and sent then. Without them everything is, and that is all.
package folder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Options say what to take.
type Options struct {
	Dir     string
	Cache   string // directory for what is kept between calls; "" for the user's
	MaxFile int64  // bytes of the largest file; 0 for no limit
	// Dockerfile is the path of the one that is built, below Dir; "" for none in particular.
	Dockerfile string
	Known      string // id of a tree that is not to be sent; "" for none
}

// Snapshot is a folder as a commit. Close it.
type Snapshot struct {
	Tree, Commit string   // ids
	Message      string   // of the commit
	Files        int      // that are in it
	Bytes        int64    // that they have
	LeftOut      []string // what was left out though no ignore file says so, as "node_modules/"
	Ignored      int      // files that .dockerignore left out
	Skipped      []string // what is no file: sockets, pipes, devices
	Same         bool     // the tree is the known one, and nothing was sent

	store *store
}

// Take makes a commit of a folder. Equal files give an equal tree. With afresh nothing of the last time
// is used.
func Take(ctx context.Context, o Options, afresh bool) (*Snapshot, error) {
	root, err := open(o.Dir)
	if err != nil {
		return nil, err
	}
	if _, err := exec.LookPath("git"); err != nil {
		return nil, errors.New("a folder is sent with Git, and there is no program \"git\". Install the package git: apt-get install git")
	}
	s, err := openStore(ctx, o.Cache, root)
	if err != nil {
		return nil, err
	}
	snapshot := &Snapshot{store: s}
	if afresh {
		err = s.forget(ctx)
	}
	if err == nil {
		err = snapshot.take(ctx, o, root)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return snapshot, nil
}

// Close lets the next one have the folder.
func (s *Snapshot) Close() error { return s.store.Close() }

// place is a folder to send, and what Git takes for the top of its files.
type place struct {
	top string // the work tree of the repository that the folder is in, or the folder
	rel string // the folder below it, "." for itself
}

func (p place) dir() string { return filepath.Join(p.top, p.rel) }

// under is the path from top of something in the folder.
func (p place) under(path string) string { return filepath.ToSlash(filepath.Join(p.rel, path)) }

// open finds a folder. The rules of the ignore files above it are those of its repository.
func open(dir string) (place, error) {
	path, err := filepath.Abs(dir)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return place{}, fmt.Errorf("open the folder %q: %w", dir, err)
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return place{}, fmt.Errorf("%q is not a folder", dir)
	}
	for top := path; ; top = filepath.Dir(top) {
		if _, err := os.Lstat(filepath.Join(top, ".git")); err == nil {
			rel, err := filepath.Rel(top, path)
			return place{top, rel}, err
		}
		if top == filepath.Dir(top) {
			return place{path, "."}, nil
		}
	}
}

// store is what is kept of a folder: a repository of its own, without files' content.
type store struct {
	dir  string
	lock *os.File
	top  string
}

// openStore opens the store of a folder, alone.
func openStore(ctx context.Context, cache string, p place) (*store, error) {
	if cache == "" {
		var err error
		if cache, err = os.UserCacheDir(); err != nil {
			cache = filepath.Join(os.TempDir(), fmt.Sprintf("slipway-cache-%d", os.Getuid()))
		}
		cache = filepath.Join(cache, "slipway")
	}
	sum := sha256.Sum256([]byte(p.top + "\x00" + p.rel))
	s := &store{dir: filepath.Join(cache, "folders", hex.EncodeToString(sum[:12])), top: p.top}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the cache of the folder: %w", err)
	}
	if info, err := os.Stat(s.dir); err != nil || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Getuid()) {
		return nil, fmt.Errorf("the cache %s belongs to another user: set XDG_CACHE_HOME to a directory of your own", s.dir)
	}
	var err error
	if s.lock, err = os.OpenFile(filepath.Join(s.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, fmt.Errorf("lock the cache of the folder: %w", err)
	}
	if err := flock(ctx, s.lock); err != nil {
		return nil, errors.Join(err, s.lock.Close())
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// flock waits for another command that sends the same folder.
func flock(ctx context.Context, f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("another command sends this folder: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *store) repository() string { return filepath.Join(s.dir, "git") }

// contents has the content of files until they are sent.
func (s *store) contents() string { return filepath.Join(s.dir, "contents") }

// attributes come before those of the folder: files are sent as they are.
const attributes = "* -text -filter -ident -working-tree-encoding\n"

// prepare makes the repository, or clears what a crash left in it.
func (s *store) prepare(ctx context.Context) error {
	if err := os.RemoveAll(s.contents()); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(s.contents(), "pack"), 0o700); err != nil {
		return err
	}
	_ = os.Remove(filepath.Join(s.repository(), "index.lock"))
	if exists(filepath.Join(s.repository(), "info", "attributes")) && !s.full() {
		return nil
	}
	if err := os.RemoveAll(s.repository()); err != nil {
		return err
	}
	if _, err := s.git(ctx, nil, "init", "--quiet", "--template="); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(s.repository(), "info"), 0o700); err != nil {
		return err
	}
	if err := s.shallow(ctx); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.repository(), "info", "attributes"), []byte(attributes), 0o600)
}

// shallow makes the repository one that may lack history. Only then does Git compare what it sends with
// commits of the server that are no ancestors, as those of folders never are. The commit that stands for
// the missing history is never sent.
func (s *store) shallow(ctx context.Context) error {
	tree, err := s.git(ctx, nil, "mktree")
	if err != nil {
		return err
	}
	cmd := s.command(ctx, "commit-tree", strings.TrimSpace(tree), "-m", "No history")
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		cmd.Env = append(cmd.Env, "GIT_"+who+"_NAME=slipway", "GIT_"+who+"_EMAIL=slipway@localhost", "GIT_"+who+"_DATE=@0 +0000")
	}
	id, err := run(cmd, nil)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.repository(), "shallow"), []byte(id), 0o600)
}

// full reports whether the trees of earlier times have become many. Ids are random, so one of the 256
// directories tells.
func (s *store) full() bool {
	some, _ := os.ReadDir(filepath.Join(s.repository(), "objects", "17"))
	return len(some) > 200
}

// forget empties the store, so that everything is read and sent again.
func (s *store) forget(ctx context.Context) error {
	if err := os.RemoveAll(s.repository()); err != nil {
		return err
	}
	return s.prepare(ctx)
}

// Close deletes the content of files and lets others in.
func (s *store) Close() error {
	err := os.RemoveAll(s.contents())
	return errors.Join(err, s.lock.Close())
}

// gitDir is the directory that Git keeps for the work tree top: .git, or what the file .git names.
func gitDir(top string) string {
	dir := filepath.Join(top, ".git")
	data, err := os.ReadFile(dir)
	if named, ok := strings.CutPrefix(strings.TrimSpace(string(data)), "gitdir: "); err == nil && ok {
		if !filepath.IsAbs(named) {
			named = filepath.Join(top, named)
		}
		return named
	}
	return dir
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist)
}
