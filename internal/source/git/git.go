// Package git reads Git repositories: what a branch is now, and its files for a build. It runs the git
// program, since that is what every server is tested with, in an environment of its own: without the
// machine's configuration, hooks or credentials, able to reach nothing but the hosts it was told of,
// within limits of time and disk. Repositories are taken for hostile.
package git

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Config configures a Git.
type Config struct {
	// Dir has what is needed while a repository is read. It belongs to the Git alone: what an earlier
	// one left there is deleted.
	Dir string
	// AllowHTTP lists the hosts, or host:port, that may be reached without TLS.
	AllowHTTP []string
	// AllowPaths lists the directories of this machine that repositories may be in.
	AllowPaths []string
	// Refuse, if set, returns why an address of a host must not be reached.
	Refuse func(host string, address netip.AddrPort) error
	// MaxBytes and MaxFiles are how much disk and how many files a repository may take, with its
	// submodules and what Git itself needs; 2 GB and 200,000 unless set.
	MaxBytes int64
	MaxFiles int
	// Timeout is how long reading one repository may take; ten minutes unless set.
	Timeout time.Duration
	Log     *slog.Logger
}

const (
	defaultMaxBytes = 2 << 30
	defaultMaxFiles = 200_000
	defaultTimeout  = 10 * time.Minute
	// tries is how often a server that does not answer is asked.
	tries = 3
)

// firstPause is how long the first pause between two tries is. It doubles with each.
var firstPause = time.Second

// Git reads repositories.
type Git struct {
	config Config
	proxy  func(*url.URL) (*url.URL, error) // that the machine's environment asks for
}

// Remote is a repository and what opens it.
type Remote struct {
	URL        string // https, ssh or, where the operator allows it, http, file or a path
	Credential Credential
}

// Credential opens a repository. The zero value opens public ones.
type Credential struct {
	Username, Token string // over http
	Key             []byte // over ssh: a private key in PEM
	// KnownHosts are the keys of the ssh server, as lines of a known_hosts file. See HostKeys.
	KnownHosts string
}

// Branch is a branch and the id of its newest commit.
type Branch struct{ Name, Commit string }

// New makes a Git.
func New(c Config) (*Git, error) {
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	if c.MaxFiles == 0 {
		c.MaxFiles = defaultMaxFiles
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if err := os.RemoveAll(c.Dir); err != nil {
		return nil, fmt.Errorf("delete what reading repositories left behind: %w", err)
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory for reading repositories: %w", err)
	}
	from := func(u *url.URL) (*url.URL, error) { return http.ProxyFromEnvironment(&http.Request{URL: u}) }
	return &Git{config: c, proxy: from}, nil
}

// Check refuses the URL of a repository that can never be read. It asks nobody.
func (g *Git) Check(url string) error {
	_, err := g.place(url)
	return err
}

// Head returns the id of the newest commit of a branch.
func (g *Git) Head(ctx context.Context, r Remote, branch string) (id string, err error) {
	if err := checkBranch(branch); err != nil {
		return "", err
	}
	err = g.read(ctx, r, func(ctx context.Context, s *session) error {
		found, err := s.branches(ctx, "refs/heads/"+branch)
		if err != nil {
			return err
		}
		for _, b := range found {
			if b.Name == branch {
				id = b.Commit
				return nil
			}
		}
		return s.noBranch(ctx, branch)
	})
	return id, err
}

// Branches returns the branches of a repository, by name.
func (g *Git) Branches(ctx context.Context, r Remote) (all []Branch, err error) {
	err = g.read(ctx, r, func(ctx context.Context, s *session) (err error) {
		all, err = s.branches(ctx)
		return err
	})
	return all, err
}

// Look returns what a branch or a commit is, at little cost: no files are fetched. Directory is the
// source directory, "/" for the root; the Tree of the commit is what that holds.
func (g *Git) Look(ctx context.Context, r Remote, revision, directory string) (commit apprunner.Commit, err error) {
	if err := checkRevision(revision); err != nil {
		return commit, err
	}
	parts, err := split(directory)
	if err != nil {
		return commit, err
	}
	err = g.read(ctx, r, func(ctx context.Context, s *session) error {
		// A tree of depth n names what is n directories deep, and more is not needed.
		if err := s.fetch(ctx, revision, fmt.Sprintf("--filter=tree:%d", len(parts))); err != nil {
			return err
		}
		commit, err = s.describe(ctx, parts)
		return err
	})
	return commit, err
}

// Fetch writes the files of a branch or a commit into dir, which must not exist or be empty, with
// submodules and with files that are in LFS. Nothing of Git itself is in dir then: neither its
// directory nor a trace of credentials. On failure dir is gone.
func (g *Git) Fetch(ctx context.Context, r Remote, revision, dir, directory string) (commit apprunner.Commit, err error) {
	if err := checkRevision(revision); err != nil {
		return commit, err
	}
	parts, err := split(directory)
	if err != nil {
		return commit, err
	}
	if rest, err := os.ReadDir(dir); err == nil && len(rest) > 0 {
		return commit, fmt.Errorf("fetch into %s: it is not empty", dir)
	}
	err = g.read(ctx, r, func(ctx context.Context, s *session) error {
		commit, err = s.take(ctx, revision, dir, parts)
		return err
	})
	return commit, err
}

// read runs f with a repository, again when its server did not answer.
func (g *Git) read(ctx context.Context, r Remote, f func(context.Context, *session) error) error {
	p, err := g.place(r.URL)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, g.config.Timeout, g.late(p))
	defer cancel()
	for try, pause := 1, firstPause; ; try, pause = try+1, 2*pause {
		err := g.readOnce(ctx, p, r.Credential, f)
		if !passing(err) {
			return err
		}
		if try == tries {
			return final(err)
		}
		select {
		case <-ctx.Done():
			return final(err)
		case <-time.After(pause):
		}
	}
}

func (g *Git) readOnce(ctx context.Context, p place, c Credential, f func(context.Context, *session) error) error {
	base, err := os.MkdirTemp(g.config.Dir, "read-")
	if err != nil {
		return fmt.Errorf("make a directory for a repository: %w", err)
	}
	defer os.RemoveAll(base)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := &work{git: g, base: base, stop: cancel}
	defer w.watch(ctx)()
	s, err := w.open(ctx, p, c)
	if err != nil {
		return err
	}
	defer s.close()
	return f(ctx, s)
}

// late is why reading ends after the timeout.
func (g *Git) late(p place) error {
	return failf("Repository %s could not be read within %v: its server is too slow, or it is too large. Try again, or make the repository smaller.", p, g.config.Timeout)
}

// split returns the names on the way to a source directory.
func split(directory string) ([]string, error) {
	for _, r := range directory {
		if r < ' ' || r == 0x7f {
			return nil, failf("The source directory %q has a control character. Give its path as it is in the repository.", directory)
		}
	}
	var parts []string
	for part := range strings.SplitSeq(directory, "/") {
		switch part {
		case "", ".":
		case "..":
			return nil, failf("The source directory %q leaves the repository. Give its path from the root, such as /services/web.", directory)
		default:
			parts = append(parts, part)
		}
	}
	return parts, nil
}
