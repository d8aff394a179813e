package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slipway-run/slipway/internal/ecr"
)

var _ ecr.Images = (*Registry)(nil)

// described is what a manifest tells of itself. One shape reads images and indexes, OCI and Docker
// alike.
type described struct {
	MediaType    string               `json:"mediaType"`
	ArtifactType string               `json:"artifactType"`
	Config       *ocispec.Descriptor  `json:"config"`
	Layers       []ocispec.Descriptor `json:"layers"`
	Manifests    []ocispec.Descriptor `json:"manifests"`
	Subject      *ocispec.Descriptor  `json:"subject"`
}

// Images implements ecr.Images. Looking does not count as use.
func (r *Registry) Images(ctx context.Context, repo string) ([]ecr.Image, error) {
	if err := r.known(repo); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	revisions, err := digests(r.store.revisions(repo))
	if err != nil {
		return nil, fmt.Errorf("list images of repository %q: %w", repo, err)
	}
	tags, err := r.tagged(repo)
	if err != nil {
		return nil, err
	}
	var out []ecr.Image
	all := map[string]described{}
	for _, d := range revisions {
		image, m, err := r.describe(repo, d)
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted since
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return nil, fmt.Errorf("describe image %s of repository %q: %w", d, repo, err)
		}
		image.Tags, all[image.Digest] = tags[d], m
		out = append(out, image)
	}
	slices.SortFunc(out, func(a, b ecr.Image) int { return strings.Compare(a.Digest, b.Digest) })
	relate(out, all)
	return out, nil
}

// relate gives images what indexes beside them tell, and indexes the size of their largest image.
func relate(images []ecr.Image, all map[string]described) {
	at := map[string]*ecr.Image{}
	for i := range images {
		at[images[i].Digest] = &images[i]
	}
	for i := range images {
		for _, child := range all[images[i].Digest].Manifests {
			if c := at[child.Digest.String()]; c != nil {
				c.Parent = images[i].Digest
				images[i].Size = max(images[i].Size, c.Size)
			}
		}
	}
}

// tagged returns the tags of a repository, sorted, by what they name.
func (r *Registry) tagged(repo string) (map[digest.Digest][]string, error) {
	tags, err := names(r.store.tags(repo))
	if err != nil {
		return nil, fmt.Errorf("list tags of repository %q: %w", repo, err)
	}
	slices.Sort(tags)
	out := map[digest.Digest][]string{}
	for _, tag := range tags {
		d, err := readLink(r.store.tagLink(repo, tag))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[d] = append(out[d], tag)
	}
	return out, nil
}

func (r *Registry) describe(repo string, d digest.Digest) (ecr.Image, described, error) {
	image, m := ecr.Image{Digest: d.String()}, described{}
	// A push makes the directory's time; use changes that of the link in it.
	fi, err := os.Stat(r.store.entry(r.store.revisions(repo), d))
	if err != nil {
		return image, m, err
	}
	data, err := os.ReadFile(r.store.blobData(d))
	if err != nil {
		return image, m, err
	}
	_ = json.Unmarshal(data, &m) // what is no JSON tells nothing
	image.PushedAt, image.MediaType, image.ArtifactType = fi.ModTime().UTC(), m.MediaType, m.ArtifactType
	if image.MediaType == "" { // OCI manifests may leave it out
		image.MediaType = ocispec.MediaTypeImageManifest
		if m.Manifests != nil {
			image.MediaType = ocispec.MediaTypeImageIndex
		}
	}
	if m.Config != nil {
		image.Size += m.Config.Size
		if image.ArtifactType == "" {
			image.ArtifactType = m.Config.MediaType
		}
	}
	for _, layer := range m.Layers {
		image.Size += layer.Size
	}
	if m.Subject != nil {
		image.Subject = m.Subject.Digest.String()
	}
	return image, m, nil
}

// DeleteImage implements ecr.Images. The data goes with the next garbage collection.
func (r *Registry) DeleteImage(ctx context.Context, repo, text, tag string) ([]string, error) {
	d, err := digest.Parse(text)
	if err != nil {
		return nil, err
	}
	r.sweep.Lock() // alone, so that a tag cannot move to what is being deleted
	defer r.sweep.Unlock()
	images, err := r.Images(ctx, repo)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(images, func(image ecr.Image) bool { return image.Digest == text })
	if i < 0 || tag != "" && !slices.Contains(images[i].Tags, tag) {
		return nil, fmt.Errorf("image %s with tag %q in repository %q: %w", d, tag, repo, ErrNotFound)
	}
	image := images[i]
	if tag != "" && (len(image.Tags) > 1 || image.Parent != "") {
		return []string{tag}, os.RemoveAll(filepath.Join(r.store.tags(repo), tag))
	}
	if image.Parent != "" {
		return nil, fmt.Errorf("delete image %s of repository %q: %w: %s", d, repo, ecr.ErrReferenced, image.Parent)
	}
	// The manifest first: a garbage collection deletes tags that are left of a crash.
	if err := os.RemoveAll(r.store.entry(r.store.revisions(repo), d)); err != nil {
		return nil, fmt.Errorf("delete image %s of repository %q: %w", d, repo, err)
	}
	for _, name := range image.Tags {
		if err := os.RemoveAll(filepath.Join(r.store.tags(repo), name)); err != nil {
			return nil, fmt.Errorf("delete tag %q of repository %q: %w", name, repo, err)
		}
	}
	return image.Tags, r.store.forgetHistory(manifestID{repo, d.String()})
}

// DeleteRepository implements ecr.Images. The directory stays: it may be that of other repositories,
// whose names begin with this one, and a push may be about to use it.
func (r *Registry) DeleteRepository(_ context.Context, repo string, force bool) error {
	if _, err := reference.WithName(repo); err != nil {
		return fmt.Errorf("repository name %q is not valid: %w", repo, ErrNotFound)
	}
	r.sweep.Lock()
	defer r.sweep.Unlock()
	if !force {
		left, err := digests(r.store.revisions(repo))
		if err != nil {
			return fmt.Errorf("list images of repository %q: %w", repo, err)
		}
		if len(left) > 0 {
			return fmt.Errorf("delete repository %q: %w", repo, ecr.ErrNotEmpty)
		}
	}
	for _, part := range []string{"_manifests", "_layers", "_uploads"} {
		if err := os.RemoveAll(filepath.Join(r.store.repository(repo), part)); err != nil {
			return fmt.Errorf("delete repository %q: %w", repo, err)
		}
	}
	return nil
}
