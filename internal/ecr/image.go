package ecr

import (
	"context"
	"errors"
	"regexp"
	"slices"
)

// ID names an image in a repository: by tag, by digest, or by both, which must then agree.
type ID struct{ Digest, Tag string }

var (
	digestForm = regexp.MustCompile(`^[a-z0-9]+:[0-9a-f]{32,128}$`)
	tagForm    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
)

// Failure says why one image of several was left out.
type Failure struct {
	ID     ID
	Code   string
	Reason string
}

// Pick returns the image that id names.
func Pick(images []Image, id ID) (Image, *Failure) {
	fail := func(code, reason string) (Image, *Failure) { return Image{}, &Failure{id, code, reason} }
	switch {
	case id.Digest == "" && id.Tag == "":
		return fail("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null")
	case id.Digest != "" && !digestForm.MatchString(id.Digest):
		return fail("InvalidImageDigest", "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'")
	case id.Tag != "" && !tagForm.MatchString(id.Tag):
		return fail("InvalidImageTag", "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9_][a-zA-Z0-9-_.]{0,127}'")
	}
	i := slices.IndexFunc(images, func(image Image) bool {
		if id.Tag != "" {
			return slices.Contains(image.Tags, id.Tag)
		}
		return image.Digest == id.Digest
	})
	switch {
	case i < 0:
		return fail("ImageNotFound", "Requested image not found")
	case id.Digest != "" && images[i].Digest != id.Digest:
		return fail("ImageTagDoesNotMatchDigest", "The given imageTag is associated with a different imageDigest")
	}
	return images[i], nil
}

// DeleteImages deletes images, or one of their tags where the id has one. It returns what is gone,
// one entry per tag, and what could not be deleted.
func (g *Registry) DeleteImages(ctx context.Context, region, name string, ids []ID) (deleted []ID, failures []Failure, err error) {
	for _, id := range ids {
		images, err := g.Contents(ctx, region, name)
		if err != nil {
			return deleted, failures, err
		}
		image, failure := Pick(images, id)
		if failure != nil {
			failures = append(failures, *failure)
			continue
		}
		tags, err := g.Images.DeleteImage(ctx, Stored(g.Home, region, name), image.Digest, id.Tag)
		switch {
		case errors.Is(err, ErrReferenced):
			failures = append(failures, Failure{id, "ImageReferencedByManifestList", "Requested image referenced by manifest list: [" + image.Parent + "]"})
			continue
		case gone(err):
			failures = append(failures, Failure{id, "ImageNotFound", "Requested image not found"})
			continue
		case err != nil:
			return deleted, failures, err
		}
		if len(tags) == 0 {
			deleted = append(deleted, ID{Digest: image.Digest})
		}
		for _, tag := range tags {
			deleted = append(deleted, ID{image.Digest, tag})
		}
	}
	return deleted, failures, nil
}
