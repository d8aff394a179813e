package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// ours is the ref that what was fetched is under.
const ours = "refs/slipway/fetched"

// branches lists branches whose refs match, or all.
func (s *session) branches(ctx context.Context, refs ...string) ([]Branch, error) {
	out, err := s.git(ctx, append([]string{"ls-remote", "--quiet", "--heads", "--", s.place.text}, refs...)...)
	if err != nil {
		return nil, err
	}
	var all []Branch
	for line := range strings.Lines(out) {
		id, ref, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if name, ok := strings.CutPrefix(ref, "refs/heads/"); ok && apprunner.CommitID(id) {
			all = append(all, Branch{Name: name, Commit: id})
		}
	}
	return all, nil
}

// fetch brings one commit of a branch or an id, without its history.
func (s *session) fetch(ctx context.Context, revision string, options ...string) error {
	if _, err := s.git(ctx, "init", "--quiet"); err != nil {
		return err
	}
	// A name, so that git finds the server again should a filtered object be missing.
	if _, err := s.git(ctx, "config", "remote.origin.url", s.place.text); err != nil {
		return err
	}
	what := revision
	if !apprunner.CommitID(revision) {
		what = "refs/heads/" + revision
	}
	args := append([]string{"fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"}, options...)
	_, err := s.git(ctx, append(args, "--", "origin", "+"+what+":"+ours)...)
	if err != nil && what != revision && strings.Contains(err.Error(), "find remote ref") {
		return s.noBranch(ctx, revision)
	}
	return err
}

// describe tells what was fetched.
func (s *session) describe(ctx context.Context, parts []string) (c apprunner.Commit, err error) {
	out, err := s.git(ctx, "log", "-1", "--no-show-signature", "--no-notes", "--format=%H%x00%T%x00%an <%ae>%x00%s", ours)
	if err != nil {
		return c, err
	}
	fields := strings.SplitN(strings.TrimSuffix(out, "\n"), "\x00", 4)
	if len(fields) != 4 {
		return c, fmt.Errorf("git log printed %q", out)
	}
	c = apprunner.Commit{ID: fields[0], Tree: fields[1], Author: clean(fields[2], 200), Message: clean(fields[3], 200)}
	for n, part := range parts {
		if c.Tree, err = s.below(ctx, c, parts[:n], part); err != nil {
			return c, err
		}
	}
	return c, nil
}

// below returns the tree of a directory in the present tree of a commit.
func (s *session) below(ctx context.Context, c apprunner.Commit, above []string, name string) (string, error) {
	out, err := s.git(ctx, "ls-tree", "-z", c.Tree)
	if err != nil {
		return "", err
	}
	var others []string
	whole := path.Join("/", path.Join(above...), name)
	for entry := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		meta, found, _ := strings.Cut(entry, "\t")
		fields := strings.Fields(meta)
		if len(fields) != 3 {
			continue
		}
		switch {
		case found == name && fields[1] != "tree":
			return "", failf("The source directory %s of repository %s is not a directory in commit %.12s.", whole, s.place, c.ID)
		case found == name:
			return fields[2], nil
		case fields[1] == "tree":
			others = append(others, path.Join("/", path.Join(above...), clean(found, 80)))
		}
	}
	there := "There are no directories."
	if len(others) > 0 {
		there = "There are " + strings.Join(others[:min(len(others), 10)], ", ") + "."
	}
	return "", failf("Repository %s has no source directory %s in commit %.12s. %s", s.place, whole, c.ID, there)
}

// take fetches a commit and writes its files.
func (s *session) take(ctx context.Context, revision, dir string, parts []string) (c apprunner.Commit, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return c, fmt.Errorf("make the directory for the files of a repository: %w", err)
	}
	s.work.mu.Lock()
	s.work.dir = dir
	s.work.mu.Unlock()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return c, fmt.Errorf("open the directory for the files of a repository: %w", err)
	}
	defer root.Close()
	if err := s.fetch(ctx, revision); err != nil {
		return c, err
	}
	if c, err = s.describe(ctx, parts); err != nil {
		return c, err
	}
	if err := s.checkOut(ctx, root, 0); err != nil {
		return c, err
	}
	return c, s.work.measure(ctx)
}

// checkOut writes the files of what was fetched into a directory, with submodules and large files.
func (s *session) checkOut(ctx context.Context, root *os.Root, depth int) error {
	links, err := s.survey(ctx)
	if err != nil {
		return err
	}
	s.tree = root.Name()
	if _, err := s.git(ctx, "read-tree", "-u", "--reset", ours); err != nil {
		return err
	}
	if err := s.largeFiles(ctx, root); err != nil {
		return err
	}
	return s.submodules(ctx, root, links, depth)
}

// survey returns the submodules in what was fetched, as commit by path. What would take too much disk
// is found here, before it is written: files may be a thousand times as large as the pack they came in.
func (s *session) survey(ctx context.Context) (links map[string]string, err error) {
	out, err := s.git(ctx, "ls-tree", "-r", "-z", "-l", ours)
	if err != nil {
		return nil, err
	}
	links = map[string]string{}
	var bytes int64
	files := 0
	for entry := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		meta, name, _ := strings.Cut(entry, "\t")
		fields := strings.Fields(meta) // mode, type, id, size
		if len(fields) != 4 {
			continue
		}
		files++
		if fields[0] == "160000" {
			links[name] = fields[2]
		} else if size, err := strconv.ParseInt(fields[3], 10, 64); err == nil {
			bytes += size
		}
	}
	return links, s.work.within(bytes, files)
}
