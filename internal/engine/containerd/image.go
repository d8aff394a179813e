package containerd

import (
	"context"
	"fmt"
	"strings"
	"sync"

	client "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slipway-run/slipway/internal/engine"
)

const snapshotter = "overlayfs"

// image is what instances need of an image.
type image struct {
	client.Image
	chain  string // names the snapshot of the topmost layer
	config ocispec.ImageConfig
}

// viewKey names the read-only view of the image's files that all its instances share. Garbage
// collection takes it when neither the image nor an instance refers to it any more.
func (i image) viewKey() string { return "slipway-view-" + i.chain }

// labelView on an image makes garbage collection keep the view as long as the image.
const labelView = "containerd.io/gc.ref.snapshot." + snapshotter + "/slipway-view"

// imageCache keeps what was read of images, by digest, as it cannot change.
type imageCache struct {
	mu   sync.Mutex
	byID map[digest.Digest]image
}

func (e *Engine) image(ctx context.Context, name string) (image, error) {
	img, err := e.client.GetImage(ctx, name)
	if errdefs.IsNotFound(err) {
		return image{}, engine.Errorf(engine.NotFound, "image %q is not in the engine's store: pull it first", name)
	}
	if err != nil {
		return image{}, fmt.Errorf("find image %q: %w", name, err)
	}
	full, err := e.images.get(ctx, img)
	if err != nil || img.Labels()[labelView] == full.viewKey() {
		return full, err
	}
	labelled := images.Image{Name: name, Labels: map[string]string{labelView: full.viewKey()}}
	if _, err := e.client.ImageService().Update(ctx, labelled, "labels."+labelView); err != nil {
		return image{}, fmt.Errorf("label image %q: %w", name, err)
	}
	return full, nil
}

func (c *imageCache) get(ctx context.Context, img client.Image) (image, error) {
	id := img.Target().Digest
	c.mu.Lock()
	known, ok := c.byID[id]
	c.mu.Unlock()
	if ok {
		return known, nil
	}
	full, err := readImage(ctx, img)
	if err != nil {
		return image{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil || len(c.byID) >= 1000 {
		c.byID = map[digest.Digest]image{}
	}
	c.byID[id] = full
	return full, nil
}

func readImage(ctx context.Context, img client.Image) (image, error) {
	spec, err := img.Spec(ctx)
	if errdefs.IsNotFound(err) {
		return image{}, engine.Errorf(engine.WrongArchitecture, "image %q has nothing for this machine's architecture: %w", img.Name(), err)
	}
	if err != nil {
		return image{}, fmt.Errorf("read configuration of image %q: %w", img.Name(), err)
	}
	chain := identity.ChainID(spec.RootFS.DiffIDs)
	return image{Image: img, chain: chain.String(), config: spec.Config}, nil
}

// view returns the directories of the image's layers, topmost first.
func (e *Engine) view(ctx context.Context, img image) ([]string, error) {
	s := e.client.SnapshotService(snapshotter)
	mounts, err := s.Mounts(ctx, img.viewKey())
	for try := 0; errdefs.IsNotFound(err) && try < 3; try++ {
		mounts, err = s.View(ctx, img.viewKey(), img.chain)
		if errdefs.IsAlreadyExists(err) {
			mounts, err = s.Mounts(ctx, img.viewKey()) // someone else was faster
		} else if errdefs.IsNotFound(err) {
			err = img.Unpack(ctx, snapshotter) // present, but its layers are not
			if err == nil {
				err = errdefs.ErrNotFound
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open files of image %q: %w", img.Name(), err)
	}
	return lowerDirs(mounts)
}

// lowerDirs reads the directories out of the mount that the snapshotter proposes.
func lowerDirs(mounts []mount.Mount) ([]string, error) {
	if len(mounts) != 1 {
		return nil, fmt.Errorf("snapshotter proposes %d mounts, want 1", len(mounts))
	}
	m := mounts[0]
	if m.Type == "bind" {
		return []string{m.Source}, nil
	}
	for _, o := range m.Options {
		if dirs, ok := strings.CutPrefix(o, "lowerdir="); ok && m.Type == "overlay" {
			return strings.Split(dirs, ":"), nil
		}
	}
	return nil, fmt.Errorf("snapshotter proposes an unknown mount of type %q", m.Type)
}
