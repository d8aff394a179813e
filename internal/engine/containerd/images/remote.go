package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/semaphore"

	"github.com/slipway-run/slipway/internal/engine"
)

// maxManifest is the largest manifest or configuration that is taken, in bytes.
const maxManifest = 8 << 20

// remote is one repository, on all the servers that have it.
type remote struct {
	image     string // for messages
	host      string
	repo      string
	endpoints []*endpoint // in order
	patience  time.Duration
	stall     time.Duration
	slots     *semaphore.Weighted
	log       *slog.Logger
	progress  *progress
}

func (s *Store) remote(name string, req engine.PullRequest, p *progress) (*remote, error) {
	if len(req.Endpoints) == 0 {
		return nil, engine.Errorf(engine.Unavailable, "no server is configured for registry %q", req.Host)
	}
	r := &remote{
		image: name, host: req.Host, repo: req.Repository, patience: s.patience, stall: s.stall,
		slots: semaphore.NewWeighted(downloads), log: s.log, progress: p,
	}
	for _, e := range req.Endpoints {
		r.endpoints = append(r.endpoints, newEndpoint(e, s.http))
	}
	return r, nil
}

// withoutFirst leaves the first server out, but never the registry itself, which is the last. It is a
// copy: fetches that were given up may still look at the old one.
func (r *remote) withoutFirst() *remote {
	other := *r
	if len(other.endpoints) > 1 {
		other.endpoints = other.endpoints[1:]
	}
	return &other
}

// scoped names the access that a token must give.
func (r *remote) scoped(ctx context.Context) context.Context {
	return docker.WithScope(ctx, "repository:"+r.repo+":pull")
}

// open asks the servers in order, and again while one of them may come round, until nothing has
// arrived since `since` for as long as patience lasts.
func (r *remote) open(ctx context.Context, path, accept string, offset int64, since time.Time) (*http.Response, error) {
	ctx = r.scoped(ctx)
	for attempt := 0; ; attempt++ {
		var faults []*fault
		var wait time.Duration
		again := false
		for _, e := range r.endpoints {
			res, f := e.get(ctx, "/"+r.repo+path, accept, offset)
			if f == nil {
				return res, nil
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			faults = append(faults, f)
			again = again || f.kind == passing
			wait = max(wait, f.after)
		}
		left := r.patience - time.Since(since)
		if !again || left <= 0 {
			return nil, r.failure(path, faults)
		}
		wait = min(max(wait, backoff(attempt)), left)
		r.log.Debug("registry fails, trying again", "image", r.image, "error", faults[len(faults)-1], "wait", wait)
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// backoff doubles from a quarter of a second to eight seconds, with jitter.
func backoff(attempt int) time.Duration {
	d := 250 * time.Millisecond << min(attempt, 5)
	return d/2 + rand.N(d/2)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// failure says what all the servers said. The last, which is the registry itself, decides the code,
// unless another may still come round.
func (r *remote) failure(path string, faults []*fault) error {
	texts := make([]string, len(faults))
	last := faults[len(faults)-1]
	for i, f := range faults {
		texts[i] = f.Error()
		if f.kind == passing {
			last = f
		}
	}
	said := strings.Join(texts, "; ")
	switch last.kind {
	case missing:
		what := "it"
		if after, ok := strings.CutPrefix(path, "/blobs/"); ok {
			what = "its part " + after
		}
		return &engine.Error{Code: engine.ImageNotFound, Err: last,
			Message: fmt.Sprintf("registry %q does not have %s (%s)", r.host, what, said)}
	case denied:
		return &engine.Error{Code: engine.AccessDenied, Err: last,
			Message: fmt.Sprintf("registry %q refuses access (%s); check the name, or log in with: slipway registry login %s", r.host, said, r.host)}
	case passing:
		return &engine.Error{Code: engine.Unavailable, Err: last,
			Message: fmt.Sprintf("registry %q does not answer, tried for %s (%s)", r.host, r.patience, said)}
	default:
		return &engine.Error{Code: engine.Unavailable, Err: last,
			Message: fmt.Sprintf("registry %q answers what no registry should (%s)", r.host, said)}
	}
}

const acceptManifests = ocispec.MediaTypeImageManifest + ", " + ocispec.MediaTypeImageIndex + ", " +
	images.MediaTypeDockerSchema2Manifest + ", " + images.MediaTypeDockerSchema2ManifestList + ", */*;q=0.1"

// small returns a manifest or a configuration whole, its digest checked.
func (r *remote) small(ctx context.Context, path string, want digest.Digest) ([]byte, error) {
	started := time.Now()
	for attempt := 0; ; attempt++ {
		res, err := r.open(ctx, path, acceptManifests, 0, started)
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(io.LimitReader(res.Body, maxManifest+1))
		_ = res.Body.Close()
		switch {
		case err == nil && len(data) > maxManifest:
			return nil, engine.Errorf(engine.BadImage, "its part %s is larger than %d bytes", want, maxManifest)
		case err == nil && want.Algorithm().FromBytes(data) == want:
			return data, nil
		case err == nil:
			err = fmt.Errorf("%w: %s", errCorrupt, want)
		}
		if time.Since(started) > r.patience || errors.Is(err, errCorrupt) && attempt > 0 {
			return nil, err
		}
		if err := sleep(ctx, backoff(attempt)); err != nil {
			return nil, err
		}
	}
}

// Resolve, Fetcher and Pusher make it a resolver for containerd's client.
type resolver struct {
	remote *remote
	root   ocispec.Descriptor
}

func (r resolver) Resolve(context.Context, string) (string, ocispec.Descriptor, error) {
	return r.remote.image, r.root, nil
}

func (r resolver) Fetcher(context.Context, string) (remotes.Fetcher, error) {
	return remotes.FetcherFunc(r.remote.fetch), nil
}

func (r resolver) Pusher(context.Context, string) (remotes.Pusher, error) {
	return nil, errors.ErrUnsupported
}
