package folder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// never is what nobody means to send, where no ignore file says anything.
var never = []string{"node_modules", ".venv", "venv", "__pycache__", ".DS_Store"}

// list returns the files of the folder that are to be sent, by their paths in it, in order.
func (s *Snapshot) list(ctx context.Context, o Options, p place) ([]string, error) {
	all, err := s.store.files(ctx, p)
	if err != nil {
		return nil, unreadable(err)
	}
	rules := slices.ContainsFunc(all, func(f string) bool { return path.Base(f) == ".gitignore" })
	docker, err := dockerignore(p.dir(), o.Dockerfile)
	if err != nil {
		return nil, err
	}
	if docker == nil && !rules && !ruled(p) {
		all = s.leaveOut(all)
	}
	if docker == nil {
		return all, nil
	}
	always := []string{".dockerignore", "apprunner.yaml", "Dockerfile", "Procfile", filepath.ToSlash(o.Dockerfile)}
	kept := all[:0]
	for _, f := range all {
		out, err := docker.MatchesOrParentMatches(filepath.FromSlash(f))
		if err != nil {
			return nil, fmt.Errorf("match %q with .dockerignore: %w", f, err)
		}
		if out && !slices.Contains(always, f) {
			s.Ignored++
			continue
		}
		kept = append(kept, f)
	}
	return kept, nil
}

// ruled reports whether an ignore file above the folder has rules for it.
func ruled(p place) bool {
	for dir := p.dir(); ; dir = filepath.Dir(dir) {
		if exists(filepath.Join(dir, ".gitignore")) {
			return true
		}
		if dir == p.top || dir == filepath.Dir(dir) {
			return false
		}
	}
}

// leaveOut drops what nobody means to send, and notes it.
func (s *Snapshot) leaveOut(all []string) []string {
	kept := all[:0]
	for _, f := range all {
		parts := strings.Split(f, "/")
		i := slices.IndexFunc(parts, func(part string) bool { return slices.Contains(never, part) })
		if i < 0 {
			kept = append(kept, f)
			continue
		}
		name := strings.Join(parts[:i+1], "/")
		if i+1 < len(parts) {
			name += "/"
		}
		if !slices.Contains(s.LeftOut, name) {
			s.LeftOut = append(s.LeftOut, name)
		}
	}
	return kept
}

// dockerignore reads the rules for a Docker build, which has its own beside each Dockerfile. It is nil
// when there are none.
//
// Source: Docker's reference, "Build context", section ".dockerignore files".
func dockerignore(dir, dockerfile string) (*patternmatcher.PatternMatcher, error) {
	name := filepath.Join(dir, dockerfile+".dockerignore")
	if dockerfile == "" || !exists(name) {
		name = filepath.Join(dir, ".dockerignore")
	}
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	defer func() { _ = f.Close() }()
	patterns, err := ignorefile.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, fmt.Errorf("%s has a pattern that cannot be read: %w", name, err)
	}
	return matcher, nil
}

// files asks Git for the files that no .gitignore leaves out, by their paths from the folder. Files
// that the repository has all the same are in it.
func (s *store) files(ctx context.Context, p place) ([]string, error) {
	if p.rel != "." && s.ignored(ctx, p) {
		// The folder is named all the same, so that the rules above it are not meant.
		inner := &store{dir: s.dir, top: p.dir()}
		return inner.files(ctx, place{p.dir(), "."})
	}
	others, err := s.ls(ctx, filepath.Join(s.dir, "no-index"), p, "--others")
	if err != nil {
		return nil, err
	}
	tracked, err := s.tracked(ctx, p)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, f := range append(others, tracked...) {
		if p.rel != "." {
			f = strings.TrimPrefix(f, filepath.ToSlash(p.rel)+"/")
		}
		nested, is := strings.CutSuffix(f, "/")
		if !is {
			all = append(all, f)
			continue
		}
		// Another repository inside, such as a submodule: it has rules of its own.
		dir := filepath.Join(p.dir(), nested)
		inner := &store{dir: s.dir, top: dir}
		files, err := inner.files(ctx, place{dir, "."})
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			all = append(all, path.Join(nested, f))
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// ls lists files as an index sees them.
func (s *store) ls(ctx context.Context, index string, p place, args ...string) ([]string, error) {
	command := []string{"ls-files", "-z", "--exclude-standard"}
	for _, name := range s.excludes(ctx) {
		command = append(command, "--exclude-from="+name)
	}
	command = append(append(command, args...), "--", p.rel)
	cmd := s.command(ctx, command...)
	cmd.Env = append(cmd.Env, "GIT_INDEX_FILE="+index)
	out, err := run(cmd, nil)
	if err != nil {
		return nil, err
	}
	return strings.FieldsFunc(out, func(r rune) bool { return r == 0 }), nil
}

// excludes are the ignore files that are not among the folder's files: of the repository and the user.
func (s *store) excludes(ctx context.Context) (found []string) {
	user := ask(ctx, s.top, "config", "--path", "--get", "core.excludesFile")
	if user == "" {
		config := os.Getenv("XDG_CONFIG_HOME")
		if config == "" {
			config = filepath.Join(os.Getenv("HOME"), ".config")
		}
		user = filepath.Join(config, "git", "ignore")
	}
	for _, name := range []string{user, filepath.Join(gitDir(s.top), "info", "exclude")} {
		if f, err := os.Open(name); err == nil {
			_ = f.Close()
			found = append(found, name)
		}
	}
	return found
}

// ignored reports whether the rules above a folder leave out all of it.
func (s *store) ignored(ctx context.Context, p place) bool {
	cmd := s.command(ctx, "check-ignore", "--quiet", "--no-index", "-z", "--stdin")
	cmd.Env = append(cmd.Env, "GIT_LITERAL_PATHSPECS=0") // it takes none
	cmd.Stdin = strings.NewReader("./" + p.rel + "\x00")
	return cmd.Run() == nil
}

// tracked lists the files that the repository has though they are ignored. Git's own index tells; the
// repository is not touched, and its configuration not read.
func (s *store) tracked(ctx context.Context, p place) ([]string, error) {
	index := filepath.Join(gitDir(s.top), "index")
	if !exists(index) {
		return nil, nil
	}
	found, err := s.ls(ctx, index, p, "--cached", "--ignored")
	if err != nil {
		return nil, nil // an index of a form that only its repository can read
	}
	return slices.DeleteFunc(found, func(f string) bool {
		info, err := os.Lstat(filepath.Join(s.top, f))
		return err != nil || info.IsDir()
	}), nil
}

// unreadable says plainly that something may not be read.
func unreadable(err error) error {
	f, ok := errors.AsType[*failure](err)
	if !ok || !strings.Contains(f.text, "Permission denied") {
		return err
	}
	_, name, _ := strings.Cut(f.text, "'")
	name, _, _ = strings.Cut(name, "'")
	if name == "" {
		_, name, _ = strings.Cut(f.text, "open(\"")
		name, _, _ = strings.Cut(name, "\"")
	}
	return fmt.Errorf("%q may not be read by this user. Let it be read, or leave it out with a line in .gitignore", strings.TrimSuffix(name, "/"))
}
