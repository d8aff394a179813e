// Package images is the engine's store of images, on containerd: it pulls by digest, unpacks for
// the snapshotter, and forgets what nothing uses.
package images

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
	"github.com/containerd/log"
	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"

	"github.com/slipway-run/slipway/internal/engine"
)

const (
	// Namespace is the containerd namespace of all that Slipway keeps in containerd.
	Namespace = "slipway"
	// Snapshotter is the snapshotter that images are unpacked for.
	Snapshotter = "overlayfs"
)

const (
	// patience is how long a registry may fail without one byte of progress.
	patience = time.Minute
	// stall is how long a registry may send nothing in the middle of an answer.
	stall = 30 * time.Second
	// downloads is how many layers of one image are fetched at the same time.
	downloads = 4
)

// Store implements engine.Images. Its methods may be called concurrently.
type Store struct {
	client   *containerd.Client
	log      *slog.Logger
	entry    *log.Entry // for containerd's client
	http     *http.Client
	platform platforms.MatchComparer
	patience time.Duration
	stall    time.Duration
	names    keyed // pulls and deletions of one image take turns
}

var _ engine.Images = (*Store)(nil)

// Option changes a Store.
type Option func(*Store)

// WithHTTPClient has registries asked by c.
func WithHTTPClient(c *http.Client) Option { return func(s *Store) { s.http = c } }

// WithPatience sets how long a registry that fails is asked again; a minute unless set.
func WithPatience(d time.Duration) Option { return func(s *Store) { s.patience = d } }

// New returns the store of images in containerd.
func New(client *containerd.Client, logger *slog.Logger, opts ...Option) *Store {
	s := &Store{
		client: client, log: logger, entry: newEntry(logger), http: &http.Client{Transport: newTransport()},
		platform: platforms.Only(platforms.DefaultSpec()), patience: patience, stall: stall,
	}
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// CloseIdle ends connections to registries that are not used.
func (s *Store) CloseIdle() { s.http.CloseIdleConnections() }

// context names the namespace, and the logger of containerd's client.
func (s *Store) context(ctx context.Context) context.Context {
	return log.WithLogger(namespaces.WithNamespace(ctx, Namespace), s.entry)
}

func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = stall
	t.MaxIdleConnsPerHost = downloads
	// A layer is stored as it is sent: its digest is of those bytes.
	t.DisableCompression = true
	return t
}

// Pull makes the image present and returns it. An image that is present costs no request to a
// registry.
func (s *Store) Pull(ctx context.Context, req engine.PullRequest) (engine.Image, error) {
	name, err := Name(req)
	if err != nil {
		return engine.Image{}, err
	}
	ctx = s.context(ctx)
	unlock, err := s.names.lock(ctx, name)
	if err != nil {
		return engine.Image{}, fmt.Errorf("pull image %q: %w", name, err)
	}
	defer unlock()
	img, err := s.describe(ctx, name)
	if errdefs.IsNotFound(err) {
		img, err = s.fetch(ctx, name, req)
	}
	if err != nil {
		return engine.Image{}, explain(ctx, name, err)
	}
	return img, nil
}

// Name returns the name of the requested image in the store. It names the digest, so it never moves.
func Name(req engine.PullRequest) (string, error) {
	if _, err := digest.Parse(req.Digest); err != nil {
		return "", engine.Errorf(engine.BadImage, "pull image %q of %q: digest %q: %w", req.Repository, req.Host, req.Digest, err)
	}
	if req.Host == "" || req.Repository == "" {
		return "", engine.Errorf(engine.BadImage, "pull image %s: registry %q and repository %q must be named", req.Digest, req.Host, req.Repository)
	}
	return req.Host + "/" + req.Repository + "@" + req.Digest, nil
}

// KeepImages deletes the record of every image that is not in names, but for those that are being
// pulled. containerd then deletes the content and the snapshots that no record and no lease needs;
// an instance holds a lease on its own.
func (s *Store) KeepImages(ctx context.Context, names []string) error {
	ctx = s.context(ctx)
	records, err := s.client.ImageService().List(ctx)
	if err != nil {
		return explain(ctx, "", fmt.Errorf("list images: %w", err))
	}
	records = slices.DeleteFunc(records, func(r images.Image) bool { return slices.Contains(names, r.Name) })
	for i, r := range records {
		var opts []images.DeleteOpt
		if i == len(records)-1 {
			opts = append(opts, images.SynchronousDelete()) // and collect
		}
		if err := s.delete(ctx, r.Name, opts); err != nil {
			return explain(ctx, r.Name, fmt.Errorf("delete image: %w", err))
		}
	}
	return nil
}

func (s *Store) delete(ctx context.Context, name string, opts []images.DeleteOpt) error {
	unlock, ok := s.names.tryLock(name)
	if !ok {
		return nil
	}
	defer unlock()
	err := s.client.ImageService().Delete(ctx, name, opts...)
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}
