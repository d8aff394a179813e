package images

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slipway-run/slipway/internal/engine"
)

// describe returns an image that is present and unpacked, from the store alone. When anything of it
// is missing the error is errdefs.ErrNotFound.
func (s *Store) describe(ctx context.Context, name string) (engine.Image, error) {
	record, err := s.client.ImageService().Get(ctx, name)
	if err != nil {
		return engine.Image{}, err
	}
	desc, m, err := s.stored(ctx, record.Target)
	if err != nil {
		return engine.Image{}, err
	}
	data, err := content.ReadBlob(ctx, s.client.ContentStore(), m.Config)
	if err != nil {
		return engine.Image{}, err
	}
	var cfg ocispec.Image
	if err := json.Unmarshal(data, &cfg); err != nil {
		return engine.Image{}, badConfig(m.Config.Digest.String(), err)
	}
	if err := s.unpacked(ctx, cfg); err != nil {
		return engine.Image{}, err
	}
	return newImage(name, desc, m, cfg), nil
}

// stored returns this machine's manifest of an image or an index in the content store.
func (s *Store) stored(ctx context.Context, target ocispec.Descriptor) (ocispec.Descriptor, ocispec.Manifest, error) {
	cs := s.client.ContentStore()
	for range maxNesting {
		data, err := content.ReadBlob(ctx, cs, target)
		if err != nil {
			return target, ocispec.Manifest{}, err
		}
		if images.IsIndexType(target.MediaType) {
			if target, err = s.choose(data); err != nil {
				return target, ocispec.Manifest{}, err
			}
			continue
		}
		var m ocispec.Manifest
		if err := json.Unmarshal(data, &m); err != nil {
			return target, m, engine.Errorf(engine.BadImage, "manifest %s is no JSON: %w", target.Digest, err)
		}
		return target, m, nil
	}
	return target, ocispec.Manifest{}, engine.Errorf(engine.BadImage, "indexes name each other more than %d deep", maxNesting)
}

// unpacked checks that the image's last snapshot is there; each snapshot holds its parents.
func (s *Store) unpacked(ctx context.Context, cfg ocispec.Image) error {
	if len(cfg.RootFS.DiffIDs) == 0 {
		return nil
	}
	chain := identity.ChainID(cfg.RootFS.DiffIDs).String()
	_, err := s.client.SnapshotService(Snapshotter).Stat(ctx, chain)
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("look up snapshot %s: %w", chain, err)
	}
	return err
}

func newImage(name string, desc ocispec.Descriptor, m ocispec.Manifest, cfg ocispec.Image) engine.Image {
	size := desc.Size + m.Config.Size
	for _, layer := range m.Layers {
		size += layer.Size
	}
	return engine.Image{
		Name: name, Digest: desc.Digest.String(), Entrypoint: cfg.Config.Entrypoint, Command: cfg.Config.Cmd,
		Env: cfg.Config.Env, ExposedPorts: tcpPorts(cfg.Config.ExposedPorts), Size: size,
	}
}

// tcpPorts reads what EXPOSE left, such as "8080/tcp" or "8080", sorted.
func tcpPorts(exposed map[string]struct{}) []int {
	var ports []int
	for spec := range exposed {
		number, protocol, _ := strings.Cut(spec, "/")
		port, err := strconv.Atoi(number)
		if err == nil && port > 0 && port < 1<<16 && (protocol == "" || protocol == "tcp") {
			ports = append(ports, port)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}
