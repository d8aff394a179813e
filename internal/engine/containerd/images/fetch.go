package images

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slipway-run/slipway/internal/engine"
)

// errCorrupt says that content does not have the digest it was asked for by.
var errCorrupt = errors.New("content is damaged")

// fetch gets an image that is not, or not wholly, in the store.
func (s *Store) fetch(ctx context.Context, name string, req engine.PullRequest) (engine.Image, error) {
	p := newProgress()
	r, err := s.remote(name, req, p)
	if err != nil {
		return engine.Image{}, err
	}
	ctx, release, err := s.lease(ctx, name)
	if err != nil {
		return engine.Image{}, err
	}
	defer p.follow(req.Progress)()
	for attempt := 0; ; attempt++ {
		err = s.transfer(ctx, r, digest.Digest(req.Digest))
		if !errors.Is(err, errCorrupt) || attempt == maxCorrupt {
			break
		}
		s.log.Warn("a registry sent damaged content, fetching it again", "image", name, "error", err)
		r = r.withoutFirst()
	}
	if err != nil {
		return engine.Image{}, err
	}
	p.done()
	img, err := s.describe(ctx, name)
	if err != nil {
		return engine.Image{}, err
	}
	release()
	return img, nil
}

// maxCorrupt is how often damaged content is fetched again.
const maxCorrupt = 2

// transfer fetches the manifests and the configuration, checks that the image is for this machine,
// and has containerd fetch and unpack its layers and record the image.
func (s *Store) transfer(ctx context.Context, r *remote, root digest.Digest) error {
	target, m, err := s.manifests(ctx, r, root)
	if err != nil {
		return err
	}
	data, err := s.small(ctx, r, "/blobs/"+m.Config.Digest.String(), m.Config)
	if err != nil {
		return err
	}
	var cfg ocispec.Image
	if err := json.Unmarshal(data, &cfg); err != nil {
		return badConfig(m.Config.Digest.String(), err)
	}
	if err := s.fits(cfg); err != nil {
		return err
	}
	if err := s.expect(ctx, r, m.Layers); err != nil {
		return err
	}
	_, err = s.client.Pull(ctx, r.image, containerd.WithResolver(resolver{r, target}), containerd.WithPullUnpack,
		containerd.WithPullSnapshotter(Snapshotter), containerd.WithPlatformMatcher(s.platform))
	if err != nil && damaged(err) {
		err = errors.Join(fmt.Errorf("%w: %w", errCorrupt, err), s.abort(ctx, m))
	}
	return err
}

// manifests returns the descriptor of what was asked for, and this machine's manifest in it.
func (s *Store) manifests(ctx context.Context, r *remote, root digest.Digest) (ocispec.Descriptor, ocispec.Manifest, error) {
	var target ocispec.Descriptor
	next := ocispec.Descriptor{Digest: root}
	for depth := range maxNesting {
		data, err := s.small(ctx, r, "/manifests/"+next.Digest.String(), next)
		if err != nil {
			return target, ocispec.Manifest{}, err
		}
		mt, err := mediaType(data)
		if err != nil {
			return target, ocispec.Manifest{}, err
		}
		next.MediaType, next.Size = mt, int64(len(data))
		if depth == 0 {
			target = next
		}
		if err := s.write(ctx, next, data); err != nil {
			return target, ocispec.Manifest{}, err
		}
		if images.IsIndexType(mt) {
			if next, err = s.choose(data); err != nil {
				return target, ocispec.Manifest{}, err
			}
			continue
		}
		var m ocispec.Manifest
		if err := json.Unmarshal(data, &m); err != nil {
			return target, m, engine.Errorf(engine.BadImage, "its manifest is no JSON: %w", err)
		}
		return target, m, nil
	}
	return target, ocispec.Manifest{}, engine.Errorf(engine.BadImage, "its indexes name each other more than %d deep", maxNesting)
}

// small returns a manifest or a configuration from the store, else from the registry.
func (s *Store) small(ctx context.Context, r *remote, path string, desc ocispec.Descriptor) ([]byte, error) {
	data, err := content.ReadBlob(ctx, s.client.ContentStore(), ocispec.Descriptor{Digest: desc.Digest})
	if err == nil || !errdefs.IsNotFound(err) {
		return data, err
	}
	if data, err = r.small(ctx, path, desc.Digest); err != nil {
		return nil, err
	}
	if desc.MediaType != "" {
		err = s.write(ctx, desc, data)
	}
	return data, err
}

func (s *Store) write(ctx context.Context, desc ocispec.Descriptor, data []byte) error {
	desc.Size = int64(len(data))
	err := content.WriteBlob(ctx, s.client.ContentStore(), remotes.MakeRefKey(ctx, desc), bytes.NewReader(data), desc)
	if err != nil {
		return fmt.Errorf("store %s: %w", desc.Digest, err)
	}
	return nil
}

// expect tells the progress which layers there are and which of them are present.
func (s *Store) expect(ctx context.Context, r *remote, layers []ocispec.Descriptor) error {
	r.progress.expect(layers)
	for _, l := range layers {
		_, err := s.client.ContentStore().Info(ctx, l.Digest)
		if err == nil {
			r.progress.at(l.Digest, l.Size)
		} else if !errdefs.IsNotFound(err) {
			return fmt.Errorf("look up layer %s: %w", l.Digest, err)
		}
	}
	return nil
}

// abort drops what has been received of an image in pieces: a piece of it is damaged.
func (s *Store) abort(ctx context.Context, m ocispec.Manifest) error {
	for _, d := range append([]ocispec.Descriptor{m.Config}, m.Layers...) {
		err := s.client.ContentStore().Abort(ctx, remotes.MakeRefKey(ctx, d))
		if err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("drop damaged content: %w", err)
		}
	}
	return nil
}
