package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// each visits every repository.
func (s *Server) each(visit func(region, name, dir string) error) error {
	found, err := filepath.Glob(filepath.Join(s.Dir, "*", "*"+suffix))
	if err != nil {
		return err
	}
	for _, dir := range found {
		region, name := filepath.Base(filepath.Dir(dir)), strings.TrimSuffix(filepath.Base(dir), suffix)
		if !regionForm.MatchString(region) || !nameForm.MatchString(name) {
			continue
		}
		if err := visit(region, name, dir); err != nil {
			return err
		}
	}
	return nil
}

// Delete deletes the repository of a service, if there is one.
func (s *Server) Delete(region, name string) error {
	if !nameForm.MatchString(name) || !regionForm.MatchString(region) {
		return fmt.Errorf("%q in Region %q cannot be a service", name, region)
	}
	dir := s.dir(region, name)
	l := s.lock(dir)
	l.Lock()
	defer l.Unlock()
	return s.delete(dir)
}

// delete takes a repository away at once, and then its files.
func (s *Server) delete(dir string) error {
	trash, err := os.MkdirTemp(s.scratch(), "old-*")
	if err != nil {
		return err
	}
	if err := os.Rename(dir, filepath.Join(trash, "it")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(trash)
}

// grace is how long what no branch needs is kept: a build may have begun with it.
const grace = time.Hour

// Tidy deletes what nothing needs. Keep returns the commits that revisions of a service were made
// from, and whether there is such a service: a repository without one is deleted after the time gone
// without a push. A repository that is in use is left for the next time.
func (s *Server) Tidy(ctx context.Context, gone time.Duration, keep func(region, name string) (commits []string, known bool)) error {
	var errs []error
	err := s.each(func(region, name, dir string) error {
		l := s.lock(dir)
		if !l.TryLock() {
			return ctx.Err()
		}
		defer l.Unlock()
		commits, known := keep(region, name)
		if err := s.tidy(ctx, dir, gone, commits, known); err != nil {
			errs = append(errs, fmt.Errorf("tidy the repository of service %q in Region %s: %w", name, region, err))
		}
		return ctx.Err()
	})
	return errors.Join(append(errs, err)...)
}

func (s *Server) tidy(ctx context.Context, dir string, gone time.Duration, commits []string, known bool) error {
	if !known {
		if info, err := os.Stat(dir); err != nil || time.Since(latest(dir, info.ModTime())) < gone {
			return err
		}
		return s.delete(dir)
	}
	if err := unlock(dir); err != nil {
		return err
	}
	changed, err := s.hold(ctx, dir, commits)
	if err != nil || (!changed && !s.stale(dir)) {
		return err
	}
	for _, args := range [][]string{
		{"repack", "-a", "-d", "-q", "--unpack-unreachable=" + time.Now().Add(-grace).Format(time.RFC3339)},
		{"prune", "--expire=" + time.Now().Add(-grace).Format(time.RFC3339)},
		{"pack-refs", "--all", "--prune"},
	} {
		if _, err := s.git(ctx, dir, args...); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, tidied), nil, 0o600)
}

// tidied is a file that tells by its time when a repository was tidied.
const tidied = "slipway-tidied"

// stale reports whether there was a push since the repository was tidied, or so soon before that what it
// replaced had to be kept.
func (s *Server) stale(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, tidied))
	return err != nil || latest(dir, time.Time{}).After(info.ModTime().Add(-2*grace))
}

// latest is when something was last pushed, not before at.
func latest(dir string, at time.Time) time.Time {
	packs, _ := filepath.Glob(filepath.Join(dir, "objects", "pack", "*.pack"))
	for _, name := range append(packs, filepath.Join(dir, "refs", "heads")) {
		if info, err := os.Stat(name); err == nil && info.ModTime().After(at) {
			at = info.ModTime()
		}
	}
	return at
}

// hold has the commits kept, and lets others go. It reports whether it let any go.
func (s *Server) hold(ctx context.Context, dir string, commits []string) (changed bool, err error) {
	list, err := s.git(ctx, dir, "for-each-ref", "--format=%(refname)", refsKept)
	if err != nil {
		return false, err
	}
	held := map[string]bool{}
	for ref := range strings.FieldsSeq(list) {
		held[strings.TrimPrefix(ref, refsKept)] = true
	}
	for _, id := range commits {
		if !held[id] && commitForm.MatchString(id) {
			if _, err := s.git(ctx, dir, "cat-file", "-e", id+"^{commit}"); err != nil {
				continue // of another source that the service had
			}
			if _, err := s.git(ctx, dir, "update-ref", refsKept+id, id); err != nil {
				return false, err
			}
		}
		delete(held, id)
	}
	for id := range held {
		if _, err := s.git(ctx, dir, "update-ref", "-d", refsKept+id); err != nil {
			return false, err
		}
	}
	return len(held) > 0, nil
}

// unlock deletes what a Git that was killed leaves: files that lock branches, and half a push.
func unlock(dir string) error {
	var all []string
	for _, pattern := range []string{"*.lock", "gc.pid", "objects/tmp_objdir-*", "objects/incoming-*", "objects/pack/tmp_*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	err := filepath.WalkDir(filepath.Join(dir, "refs"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && strings.HasSuffix(path, ".lock") {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, path := range all {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}
