// Package registry is the embedded image registry: what `docker push` pushes to, and what ECR names
// of this account and Region mean.
//
// The protocol and the storage format are those of the distribution project. This package adds
// who may come in, notice of tags that move, direct look-up for callers in this process, and a
// garbage collection that runs beside pushes.
package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem" // named in the configuration
)

// Authenticator finds the access key that a user and a password stand for. It returns an error that
// wraps ErrDenied for wrong credentials; any other error means that it could not find out. It must
// take the same time for a wrong user as for a wrong password.
type Authenticator interface {
	Authenticate(ctx context.Context, user, password string) (keyID string, err error)
}

// Authorizer tells whether an access key may do an action of ECR, such as ecr:PutImage, on a
// repository; "" stands for the registry as a whole. It returns an error that wraps ErrForbidden, and
// is told to the client, when it may not.
type Authorizer interface {
	Authorize(ctx context.Context, keyID, action, repository string) error
}

var (
	// ErrDenied says that the user or the password is wrong.
	ErrDenied = errors.New("user or password is wrong")
	// ErrForbidden says that a key may not do what it asks for.
	ErrForbidden = errors.New("not allowed")
)

// Config is what a registry needs.
type Config struct {
	Dir           string        // where images are stored; created if missing
	Authenticator Authenticator // nil lets everyone in
	Authorizer    Authorizer    // nil lets every key do everything
	Log           *slog.Logger
	// Immutable, if set, tells whether a tag that exists may never name another image.
	Immutable func(ctx context.Context, repo, tag string) (bool, error)
}

// Registry serves /v2/ and answers look-ups from disk. Close it after the last request has ended.
type Registry struct {
	auth   Authenticator
	rights Authorizer
	log    *slog.Logger
	fixed  func(ctx context.Context, repo, tag string) (bool, error)
	store  layout
	app    *handlers.App
	cancel context.CancelFunc

	// sweep orders what adds references to content against what deletes content: a request that
	// stores a manifest or vouches for a blob holds it shared, a deletion holds it alone.
	sweep sync.RWMutex
	// fixing is held while a tag that may not move is set, so that the first push wins.
	fixing sync.Mutex
	// collecting is held by the one garbage collection that runs.
	collecting sync.Mutex

	mu     sync.Mutex
	pinned map[string]int // digests of blobs that a request in flight uploads or mounts
	fresh  []manifestID   // manifests stored since the running collection began
	marks  bool           // a collection runs, so fresh is kept
	onPush []func(repo, tag, digest string)
	now    func() time.Time
}

// manifestID names a manifest in a repository.
type manifestID struct{ repo, digest string }

// Open opens the registry that is stored in cfg.Dir.
func Open(cfg Config) (*Registry, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("create registry directory: %w", err)
	}
	secret, err := loadSecret(cfg.Dir)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(withLogger(context.Background(), cfg.Log))
	app, err := newApp(ctx, cfg.Dir, secret)
	if err != nil {
		cancel()
		return nil, err
	}
	return &Registry{
		auth: cfg.Authenticator, rights: cfg.Authorizer, log: cfg.Log, fixed: cfg.Immutable, store: layout(cfg.Dir), app: app, cancel: cancel,
		pinned: make(map[string]int), now: time.Now,
	}, nil
}

// newApp builds the handlers. They panic on a configuration they do not like.
func newApp(ctx context.Context, dir, secret string) (app *handlers.App, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("open registry in %q: %v", dir, r)
		}
	}()
	cfg := &configuration.Configuration{
		Storage: configuration.Storage{
			"filesystem": {"rootdirectory": dir},
			"delete":     {"enabled": true},
			"redirect":   {"disable": true},
			// Abandoned uploads are a matter of the garbage collection here.
			"maintenance": {"uploadpurging": map[any]any{"enabled": false}},
		},
	}
	cfg.HTTP.Secret = secret
	// Clients come by many names and through proxies; a relative location is right for all.
	cfg.HTTP.RelativeURLs = true
	return handlers.NewApp(ctx, cfg), nil
}

// OnPush has fn called after a push has moved a tag, before the client hears of its success. The
// digest is what the tag names at that time. fn must be quick. A crash can lose a call: compare with
// Resolve on start.
func (r *Registry) OnPush(fn func(repo, tag, digest string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.onPush = append(r.onPush, fn)
}

// Close ends what the registry does in the background, but for one parked goroutine that the
// distribution handlers start and offer no way to end.
func (r *Registry) Close() error {
	defer r.cancel()
	if err := r.app.Shutdown(); err != nil {
		return fmt.Errorf("close registry: %w", err)
	}
	return nil
}

var _ http.Handler = (*Registry)(nil)
