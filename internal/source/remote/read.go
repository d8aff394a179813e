package remote

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
)

var commitForm = regexp.MustCompile(`\A[0-9a-fA-F]{7,64}\z`)

// Head returns the commit that a branch has now. Directory is the source directory, "/" for the root.
func (s *Server) Head(ctx context.Context, region, name, branch, directory string) (apprunner.Commit, error) {
	dir, unlock, err := s.use(region, name)
	if err != nil {
		return apprunner.Commit{}, err
	}
	defer unlock()
	id, err := s.git(ctx, dir, "show-ref", "--verify", "--hash", "refs/heads/"+branch)
	if err != nil {
		if ctx.Err() != nil {
			return apprunner.Commit{}, ctx.Err()
		}
		return apprunner.Commit{}, apprunner.Errorf(apprunner.ResourceNotFound, "No branch %q was pushed for service %q. Push it: git push REMOTE %s.", branch, name, branch)
	}
	return s.describe(ctx, dir, id, directory)
}

// Commit returns a commit by its id, which may be shortened.
func (s *Server) Commit(ctx context.Context, region, name, id, directory string) (apprunner.Commit, error) {
	dir, unlock, err := s.use(region, name)
	if err != nil {
		return apprunner.Commit{}, err
	}
	defer unlock()
	return s.commit(ctx, dir, name, id, directory)
}

func (s *Server) commit(ctx context.Context, dir, name, id, directory string) (apprunner.Commit, error) {
	unknown := apprunner.Errorf(apprunner.ResourceNotFound, "The repository of service %q has no commit %q. Push it, or give the id of one that was pushed, at least 7 of its digits.", name, id)
	if !commitForm.MatchString(id) {
		return apprunner.Commit{}, unknown
	}
	full, err := s.git(ctx, dir, "rev-parse", "--verify", "--quiet", id+"^{commit}")
	if err != nil {
		if ctx.Err() != nil {
			return apprunner.Commit{}, ctx.Err()
		}
		return apprunner.Commit{}, unknown
	}
	return s.describe(ctx, dir, full, directory)
}

// describe tells of a commit that is there.
func (s *Server) describe(ctx context.Context, dir, id, directory string) (apprunner.Commit, error) {
	text, err := s.git(ctx, dir, "log", "-1", "--no-show-signature", "--format=%H%x00%an <%ae>%x00%s%x00%T", id)
	if err != nil {
		return apprunner.Commit{}, err
	}
	f := strings.SplitN(text, "\x00", 4)
	c := apprunner.Commit{ID: f[0], Author: f[1], Message: f[2], Tree: f[3]}
	path := strings.Trim(directory, "/")
	if path == "" {
		return c, nil
	}
	entry, err := s.git(ctx, dir, "ls-tree", "-d", c.ID, "--", path) // mode, type, id, path
	if err != nil {
		return c, err
	}
	f = strings.Fields(entry)
	if len(f) < 4 || f[1] != "tree" {
		return c, apprunner.Errorf(apprunner.InvalidRequest, "Commit %.7s has no directory %q. Change the SourceDirectory, or push a commit that has it.", c.ID, directory)
	}
	c.Tree = f[2]
	return c, nil
}

// use finds a repository and keeps it from being tidied.
func (s *Server) use(region, name string) (dir string, unlock func(), err error) {
	if !nameForm.MatchString(name) || !regionForm.MatchString(region) {
		return "", nil, apprunner.Errorf(apprunner.InvalidRequest, "%q in Region %q cannot be a service.", name, region)
	}
	dir = s.dir(region, name)
	l := s.lock(dir)
	l.RLock()
	if !isDir(dir) {
		l.RUnlock()
		return "", nil, apprunner.Errorf(apprunner.ResourceNotFound, "Nothing was pushed for service %q in Region %s yet. Push its code with \"git push\", or run \"slipway deploy --name %s\" in its folder.", name, region, name)
	}
	return dir, l.RUnlock, nil
}

// sizeOf is how many bytes the files below a directory have.
func sizeOf(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil {
				size += info.Size()
			}
		}
		return nil
	})
	return size
}
