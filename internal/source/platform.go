package source

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slipway-run/slipway/internal/engine"
)

// manifest is the part of an image or an index that tells its platforms.
type manifest struct {
	MediaType string               `json:"mediaType"`
	Config    *ocispec.Descriptor  `json:"config"`
	Manifests []ocispec.Descriptor `json:"manifests"`
}

// CheckPlatform checks that the image has something for this machine, which is cheaper to know
// before a pull than after. The error is an *engine.Error: WrongArchitecture, or what Resolve gives.
func (r *Registries) CheckPlatform(ctx context.Context, image Resolved) error {
	read := func(get func(digest string) ([]byte, error), config func(digest string) ([]byte, error)) error {
		has, err := platformsOf(image.Digest, get, config)
		if err != nil {
			return err
		}
		return fits(image.Reference, has)
	}
	ref := image.Reference
	if ref.Embedded {
		get := func(digest string) ([]byte, error) {
			data, err := r.cfg.Embedded.Content(ctx, ref.Stored(), digest)
			if err != nil {
				return nil, r.embeddedError(ref, err)
			}
			return data, nil
		}
		return read(get, get)
	}
	return r.ask(ctx, ref, func(repo name.Repository, opts []remote.Option) error {
		return read(func(digest string) ([]byte, error) {
			desc, err := remote.Get(repo.Digest(digest), opts...)
			if err != nil {
				return nil, err
			}
			return desc.Manifest, nil
		}, func(digest string) ([]byte, error) {
			return blob(repo, digest, opts)
		})
	})
}

// platformsOf returns the platforms of an index, or that of an image. An image that does not say is
// for any.
func platformsOf(digest string, get, config func(digest string) ([]byte, error)) ([]ocispec.Platform, error) {
	data, err := get(digest)
	if err != nil {
		return nil, err
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, engine.Errorf(engine.BadImage, "manifest %s is no JSON: %w", digest, err)
	}
	if m.Manifests != nil || isIndex(m.MediaType) {
		return listed(m.Manifests), nil
	}
	if m.Config == nil {
		return nil, engine.Errorf(engine.BadImage, "manifest %s has no configuration; it is of type %q", digest, m.MediaType)
	}
	if data, err = config(m.Config.Digest.String()); err != nil {
		return nil, err
	}
	var p ocispec.Platform
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, engine.Errorf(engine.BadImage, "image configuration %s is no JSON: %w", m.Config.Digest, err)
	}
	if p.Architecture == "" {
		p = platforms.DefaultSpec()
	}
	if p.OS == "" {
		p.OS = "linux"
	}
	return []ocispec.Platform{p}, nil
}

// listed leaves out attestations, whose platform is unknown. An entry without a platform may be for
// this machine.
func listed(entries []ocispec.Descriptor) []ocispec.Platform {
	var out []ocispec.Platform
	for _, d := range entries {
		switch {
		case d.Platform == nil:
			out = append(out, platforms.DefaultSpec())
		case d.Platform.OS != "unknown":
			out = append(out, *d.Platform)
		}
	}
	return out
}

func fits(ref Reference, has []ocispec.Platform) error {
	here := platforms.DefaultSpec()
	if slices.ContainsFunc(has, platforms.Only(here).Match) {
		return nil
	}
	machine := here.OS + "/" + here.Architecture
	if len(has) == 0 {
		return engine.Errorf(engine.WrongArchitecture, "image %q has nothing for any platform; this machine is %s", ref, machine)
	}
	names := make([]string, len(has))
	for i, p := range has {
		names[i] = platforms.Format(platforms.Normalize(p))
	}
	return engine.Errorf(engine.WrongArchitecture, "image %q is for %s only; this machine is %s; build with `docker build --platform %s`",
		ref, strings.Join(slices.Compact(names), ", "), machine, machine)
}

// blob returns a small blob whole.
func blob(repo name.Repository, digest string, opts []remote.Option) ([]byte, error) {
	layer, err := remote.Layer(repo.Digest(digest), opts...)
	if err != nil {
		return nil, err
	}
	rc, err := layer.Compressed()
	if err != nil {
		return nil, err
	}
	defer func() { _ = rc.Close() }()
	return readSmall(rc, digest)
}

// maxConfig is the largest configuration that is read, in bytes.
const maxConfig = 8 << 20

func readSmall(r io.Reader, digest string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxConfig+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", digest, err)
	}
	if len(data) > maxConfig {
		return nil, engine.Errorf(engine.BadImage, "image configuration %s is larger than %d bytes", digest, maxConfig)
	}
	return data, nil
}
