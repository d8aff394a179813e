package images

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slipway-run/slipway/internal/engine"
)

// maxNesting is how deep indexes may name indexes.
const maxNesting = 4

// choose returns the entry of an index that fits this machine best. Entries without a platform come
// last: their configuration tells. Attestations say they are for "unknown".
func (s *Store) choose(data []byte) (ocispec.Descriptor, error) {
	var index ocispec.Index
	if err := json.Unmarshal(data, &index); err != nil {
		return ocispec.Descriptor{}, engine.Errorf(engine.BadImage, "the index is no JSON: %w", err)
	}
	var fit []ocispec.Descriptor
	var others []string
	for _, d := range index.Manifests {
		switch {
		case d.Platform == nil || s.platform.Match(*d.Platform):
			fit = append(fit, d)
		case d.Platform.OS != "unknown":
			others = append(others, platforms.Format(*d.Platform))
		}
	}
	if len(fit) == 0 {
		return ocispec.Descriptor{}, wrongArchitecture(others)
	}
	return slices.MinFunc(fit, s.better), nil
}

func (s *Store) better(a, b ocispec.Descriptor) int {
	switch {
	case a.Platform == nil && b.Platform == nil:
		return 0
	case a.Platform == nil:
		return 1
	case b.Platform == nil:
		return -1
	case s.platform.Less(*a.Platform, *b.Platform):
		return -1
	case s.platform.Less(*b.Platform, *a.Platform):
		return 1
	}
	return 0
}

// fits checks a configuration. One that names no platform is taken on trust, as old builders wrote.
func (s *Store) fits(cfg ocispec.Image) error {
	p := cfg.Platform
	if p.Architecture == "" && p.OS == "" {
		return nil
	}
	if p.OS == "" {
		p.OS = "linux"
	}
	if !s.platform.Match(p) {
		return wrongArchitecture([]string{platforms.Format(platforms.Normalize(p))})
	}
	return nil
}

func wrongArchitecture(has []string) error {
	here := platforms.DefaultSpec().OS + "/" + platforms.DefaultSpec().Architecture
	if len(has) == 0 {
		return engine.Errorf(engine.WrongArchitecture, "it has nothing for any platform; this machine is %s", here)
	}
	return engine.Errorf(engine.WrongArchitecture, "it is for %s only; this machine is %s; build it with: docker build --platform %s",
		strings.Join(has, ", "), here, here)
}

// mediaType returns what a manifest says it is, or what it looks like when it does not say.
func mediaType(data []byte) (string, error) {
	var m struct {
		SchemaVersion int             `json:"schemaVersion"`
		MediaType     string          `json:"mediaType"`
		Manifests     json.RawMessage `json:"manifests"`
		Config        json.RawMessage `json:"config"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return "", engine.Errorf(engine.BadImage, "its manifest is no JSON: %w", err)
	}
	switch {
	case m.SchemaVersion == 1:
		return "", engine.Errorf(engine.BadImage, "its manifest is of Docker's schema 1, which is no longer in use; push it again with a current client")
	case m.MediaType == "" && m.Manifests != nil:
		return ocispec.MediaTypeImageIndex, nil
	case m.MediaType == "" && m.Config != nil:
		return ocispec.MediaTypeImageManifest, nil
	case images.IsIndexType(m.MediaType), images.IsManifestType(m.MediaType):
		return m.MediaType, nil
	}
	return "", engine.Errorf(engine.BadImage, "its manifest is of the unknown type %q", m.MediaType)
}

func badConfig(digest string, err error) error {
	return engine.Errorf(engine.BadImage, "its configuration %s is no JSON: %w", digest, err)
}
