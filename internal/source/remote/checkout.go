package remote

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Checkout writes the files of a commit into a directory, which must be empty, and returns the commit.
// All of the repository is written, also with a source directory, since commands of a build may look
// above it. Files are as Git has them: no attribute of the repository changes or leaves out any.
func (s *Server) Checkout(ctx context.Context, region, name, id, directory, into string) (apprunner.Commit, error) {
	dir, unlock, err := s.use(region, name)
	if err != nil {
		return apprunner.Commit{}, err
	}
	defer unlock()
	c, err := s.commit(ctx, dir, name, id, directory)
	if err != nil {
		return c, err
	}
	if err := s.survey(ctx, dir, c); err != nil {
		return c, err
	}
	// The index and the attributes are not the repository's, so that checkouts run side by side.
	work, err := os.MkdirTemp(s.scratch(), "checkout-*")
	if err != nil {
		return c, err
	}
	defer func() { _ = os.RemoveAll(work) }()
	if err := s.write(ctx, dir, work, c.ID, into); err != nil {
		return c, err
	}
	return c, pointers(c, into)
}

func (s *Server) write(ctx context.Context, dir, work, id, into string) error {
	for _, args := range [][]string{
		{"read-tree", id},
		{"--work-tree=" + into, "checkout-index", "--all", "--force", "--prefix=" + into + "/"},
	} {
		cmd := s.command(ctx, dir, append([]string{"-c", "core.bare=false", "-c", "core.autocrlf=false", "-c", "core.attributesFile=/dev/null"}, args...)...)
		cmd.Dir = into
		cmd.Env = append(cmd.Env, "GIT_INDEX_FILE="+filepath.Join(work, "index"))
		if _, err := run(cmd); err != nil {
			return err
		}
	}
	return nil
}

// maxFiles is how many files a commit may have.
const maxFiles = 500_000

// survey refuses a commit that is too large to write, or that needs what is not here.
func (s *Server) survey(ctx context.Context, dir string, c apprunner.Commit) error {
	list, err := s.git(ctx, dir, "ls-tree", "-r", "-z", "--long", c.ID)
	if err != nil {
		return err
	}
	var size int64
	files := 0
	for entry := range strings.SplitSeq(list, "\x00") {
		about, path, _ := strings.Cut(entry, "\t")
		f := strings.Fields(about) // mode, type, id, size
		if len(f) < 4 {
			continue
		}
		if f[1] == "commit" {
			return apprunner.Errorf(apprunner.InvalidRequest, "%q in commit %.7s is a submodule, whose files are not in Slipway's own repository. "+
				"\"slipway deploy\" sends the files of submodules too; or connect the service to the Git host.", path, c.ID)
		}
		n, err := strconv.ParseInt(f[3], 10, 64)
		if err != nil {
			return err
		}
		size, files = size+n, files+1
	}
	if limit := 4 * s.MaxPush; size > limit || files > maxFiles {
		return apprunner.Errorf(apprunner.InvalidRequest, "Commit %.7s has %d files with %d MiB: it may have %d files and %d MiB. Leave out what the build does not need, or raise source.max-push.",
			c.ID, files, size>>20, maxFiles, limit>>20)
	}
	return nil
}

// lfsPointer is how a file begins whose content is with a Git LFS server.
const lfsPointer = "version https://git-lfs.github.com/spec/v1\n"

// pointers refuses files whose content is elsewhere, where the repository says that it uses Git LFS.
func pointers(c apprunner.Commit, root string) error {
	uses := false
	var found string
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		if e.Name() == ".gitattributes" {
			data, _ := head(path, 1<<20)
			uses = uses || bytes.Contains(data, []byte("filter=lfs"))
			return nil
		}
		if info, err := e.Info(); found != "" || err != nil || info.Size() > 1024 {
			return err
		}
		if data, _ := head(path, len(lfsPointer)); string(data) == lfsPointer {
			found, _ = filepath.Rel(root, path)
		}
		return nil
	})
	if err != nil || !uses || found == "" {
		return err
	}
	return apprunner.Errorf(apprunner.InvalidRequest, "%q in commit %.7s is only a pointer of Git LFS. %s.", found, c.ID, lfsAdvice)
}

func head(path string, n int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, int64(n)))
}
