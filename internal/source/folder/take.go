package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// take fills the snapshot.
func (s *Snapshot) take(ctx context.Context, o Options, p place) error {
	files, err := s.list(ctx, o, p)
	if err != nil {
		return err
	}
	if files, err = s.measure(files, o, p); err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("there is nothing to deploy in %s: it has no files, or ignore files leave out all of them", p.dir())
	}
	if err := s.index(ctx, files, p); err != nil {
		return unreadable(err)
	}
	args := []string{"write-tree", "--missing-ok"} // content is in another place than trees
	if p.rel != "." {
		args = append(args, "--prefix="+filepath.ToSlash(p.rel)+"/")
	}
	tree, err := s.store.git(ctx, nil, args...)
	if err != nil {
		return err
	}
	s.Tree = strings.TrimSpace(tree)
	return s.commit(ctx, p)
}

// measure looks at every file. It drops what is gone since, and refuses what is too large.
func (s *Snapshot) measure(files []string, o Options, p place) ([]string, error) {
	kept := files[:0]
	dirs := map[string]bool{}
	for _, f := range files {
		info, err := os.Lstat(filepath.Join(p.dir(), f))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if o.MaxFile > 0 && info.Size() > o.MaxFile {
			return nil, fmt.Errorf("%q has %d MiB: a file may have %d. Leave it out with a line in .gitignore or .dockerignore, or raise source.max-push in the configuration of Slipway", f, info.Size()>>20, o.MaxFile>>20)
		}
		s.Bytes += info.Size()
		kept = append(kept, f)
		dirs[filepath.Dir(f)] = true
	}
	s.Files = len(kept)
	dirs["."] = true
	for dir := range dirs {
		s.skip(p, dir)
	}
	slices.Sort(s.Skipped)
	return kept, nil
}

// skip notes what is no file, which Git passes over in silence.
func (s *Snapshot) skip(p place, dir string) {
	entries, _ := os.ReadDir(filepath.Join(p.dir(), dir))
	for _, e := range entries {
		if e.Type()&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeDevice|fs.ModeCharDevice) != 0 {
			s.Skipped = append(s.Skipped, filepath.Join(dir, e.Name()))
		}
	}
}

// index brings the index to the files. Only those that have changed since the last time are read.
func (s *Snapshot) index(ctx context.Context, files []string, p place) error {
	wanted := make(map[string]bool, len(files))
	for i, f := range files {
		files[i] = p.under(f)
		wanted[files[i]] = true
	}
	before, err := s.store.git(ctx, nil, "ls-files", "-z")
	if err != nil {
		return err
	}
	var gone []string
	for f := range strings.SplitSeq(strings.TrimSuffix(before, "\x00"), "\x00") {
		if f != "" && !wanted[f] {
			gone = append(gone, f)
		}
	}
	if len(gone) > 0 {
		if _, err := s.store.git(ctx, lines(gone), "update-index", "-z", "--force-remove", "--stdin"); err != nil {
			return err
		}
	}
	cmd := s.store.command(ctx, "update-index", "-z", "--add", "--replace", "--stdin")
	cmd.Env = append(cmd.Env, "GIT_OBJECT_DIRECTORY="+s.store.contents())
	_, err = run(cmd, lines(files))
	return err
}

func lines(paths []string) *strings.Reader {
	return strings.NewReader(strings.Join(paths, "\x00") + "\x00")
}

// ask asks the Git of the user, with the user's configuration, something that changes nothing. It
// returns "" when there is no answer.
func ask(ctx context.Context, dir string, args ...string) string {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "core.fsmonitor=false", "-C", dir}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(out), "\n")
}

// commit makes the commit: of nobody's history, since it is what the folder holds and no more.
func (s *Snapshot) commit(ctx context.Context, p place) error {
	host, _ := os.Hostname()
	s.Message = "slipway deploy from " + host
	if head := ask(ctx, p.top, "rev-parse", "--verify", "--quiet", "HEAD"); head != "" {
		subject, _, _ := strings.Cut(body(ask(ctx, p.top, "cat-file", "commit", head)), "\n")
		s.Message = subject
		if s.dirty(ctx, p, head) {
			s.Message += " (" + head[:8] + " with changes that are not committed)"
		} else {
			s.Message += " (" + head[:8] + ")"
		}
	}
	name, mail := ask(ctx, p.top, "config", "--get", "user.name"), ask(ctx, p.top, "config", "--get", "user.email")
	if name == "" {
		name = "slipway deploy"
	}
	if mail == "" {
		mail = "slipway@" + host
	}
	cmd := s.store.command(ctx, "commit-tree", s.Tree, "-m", s.Message)
	cmd.Env = append(cmd.Env, "GIT_AUTHOR_NAME="+name, "GIT_AUTHOR_EMAIL="+mail, "GIT_COMMITTER_NAME="+name, "GIT_COMMITTER_EMAIL="+mail)
	id, err := run(cmd, nil)
	s.Commit = strings.TrimSpace(id)
	return err
}

// body is the message in a commit.
func body(commit string) string {
	_, message, _ := strings.Cut(commit, "\n\n")
	return message
}

// dirty reports whether a file that is sent is not as the commit head has it, or one is gone.
func (s *Snapshot) dirty(ctx context.Context, p place, head string) bool {
	rev := head + "^{tree}"
	if p.rel != "." {
		rev = head + ":" + filepath.ToSlash(p.rel)
	}
	tree := ask(ctx, p.top, "rev-parse", "--verify", "--quiet", rev)
	if tree == "" || tree == s.Tree {
		return tree == ""
	}
	objects := ask(ctx, p.top, "rev-parse", "--path-format=absolute", "--git-path", "objects")
	cmd := s.store.command(ctx, "diff-tree", "-r", "-z", "--no-renames", "--name-status", tree, s.Tree)
	cmd.Env = append(cmd.Env, "GIT_ALTERNATE_OBJECT_DIRECTORIES="+objects)
	out, err := run(cmd, nil)
	if err != nil {
		return true
	}
	fields := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] != "D" || !exists(filepath.Join(p.dir(), fields[i+1])) {
			return true
		}
	}
	return false
}
