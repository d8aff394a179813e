// Package remote keeps the source code that is pushed to Slipway: one bare Git repository for each
// service name, served over HTTP. `git push` and `slipway deploy PATH` both put it there, and builds
// take it from there.
//
// Everything Git does is done by the git program, which sees no configuration but what is given here.
package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Authenticator finds the access key that a user and a password stand for. It returns an error that
// wraps ErrDenied for wrong credentials.
type Authenticator interface {
	Authenticate(ctx context.Context, user, password string) (keyID string, err error)
}

// Authorizer tells whether an access key may do an action on a resource. It returns an error that
// wraps ErrForbidden, and is told to the client, when it may not.
type Authorizer interface {
	Authorize(ctx context.Context, keyID, region, action, resource string) error
}

var (
	// ErrDenied says that the user or the password is wrong.
	ErrDenied = errors.New("user or password is wrong")
	// ErrForbidden says that a key may not do what it asks for.
	ErrForbidden = errors.New("not allowed")
)

// Service is what a push has to know of a service.
type Service struct {
	ARN    string // for a name without service: with a star where the id will be
	Exists bool
	// Branch is what the service deploys of its repository here; "" when it has another source.
	Branch string
}

// Services knows the services that repositories belong to, and brings them to what was pushed.
type Services interface {
	Service(ctx context.Context, region, name string) (Service, error)
	// Pushed is called after a push has moved the branch of a service, or any branch when the service is
	// to be created. It may take as long as the deployment does: what it tells is shown to the client
	// meanwhile. ctx ends when the client leaves, which must not end the deployment.
	Pushed(ctx context.Context, push Push, tell func(line string))
}

// Push is a branch that a client has moved.
type Push struct {
	Region, Name string
	Branch       string
	Commit       string
	Create       bool // there is no service yet, and the client wants one
}

// Config is what a server needs.
type Config struct {
	Dir           string          // where repositories are; created if missing
	Home          string          // the Region whose repositories need no Region in their URL
	Hosts         func() []string // host:port of this server, all the names it has
	MaxPush       int64           // bytes that a push may have; a repository may have four times as many
	Timeout       time.Duration   // of a push or a fetch, without the deployment
	Authenticator Authenticator
	Authorizer    Authorizer
	Services      Services
	Log           *slog.Logger
}

// Server serves the repositories below Prefix, and reads them for builds.
type Server struct {
	Config
	hooks string        // directory of the one program that Git runs
	slots chan struct{} // for pushes and fetches that move data
	idle  time.Duration // for tests

	mu    sync.Mutex
	locks map[string]*sync.RWMutex // by directory: shared while Git uses a repository, alone to tidy it
}

// concurrent is how many pushes and fetches may move data at once.
const concurrent = 8

// Open opens the repositories in cfg.Dir, and clears what a crash left in them.
func Open(cfg Config) (*Server, error) {
	s := &Server{
		Config: cfg, hooks: filepath.Join(cfg.Dir, ".hooks"),
		slots: make(chan struct{}, concurrent), idle: idle, locks: map[string]*sync.RWMutex{},
	}
	for _, step := range []func() error{s.clear, s.writeHooks} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("open the repositories of source code in %q: %w", cfg.Dir, err)
		}
	}
	return s, nil
}

// scratch has what is being made or deleted. A rename from or to it is what counts.
func (s *Server) scratch() string { return filepath.Join(s.Dir, ".scratch") }

// clear deletes what a crash left behind.
func (s *Server) clear() error {
	if err := os.RemoveAll(s.scratch()); err != nil {
		return err
	}
	for _, dir := range []string{s.scratch(), s.home()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return s.each(func(_, _, dir string) error { return unlock(dir) })
}

// home is the home directory that Git sees: an empty one.
func (s *Server) home() string { return filepath.Join(s.scratch(), "home") }

// dir is where the repository of a service is. Names were checked.
func (s *Server) dir(region, name string) string { return filepath.Join(s.Dir, region, name+suffix) }

const suffix = ".git"

// lock is the lock of a repository.
func (s *Server) lock(dir string) *sync.RWMutex {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.locks[dir]
	if l == nil {
		l = &sync.RWMutex{}
		s.locks[dir] = l
	}
	return l
}

// create makes an empty repository, whole or not at all, unless there is one.
func (s *Server) create(ctx context.Context, dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fresh, err := os.MkdirTemp(s.scratch(), "new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	if _, err := s.git(ctx, "", "init", "--quiet", "--bare", "--template=", "--initial-branch="+DefaultBranch, fresh); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(fresh, "info"), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(fresh, "info", "attributes"), []byte(attributes), 0o600); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	l := s.lock(dir)
	l.Lock()
	defer l.Unlock()
	if err := os.Rename(fresh, dir); err != nil && !errors.Is(err, fs.ErrExist) && !isDir(dir) {
		return err
	}
	return nil
}

// attributes come before those of what is pushed: files stay as Git has them.
const attributes = "* -text -filter -ident -working-tree-encoding\n"

// DefaultBranch is the branch of a new repository.
const DefaultBranch = "main"

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}
