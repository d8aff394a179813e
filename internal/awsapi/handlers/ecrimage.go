package handlers

import (
	"cmp"
	"context"
	"slices"

	"github.com/slipway-run/slipway/internal/awsapi"
	ecrapi "github.com/slipway-run/slipway/internal/awsapi/ecr"
	"github.com/slipway-run/slipway/internal/ecr"
)

// tagFilter keeps what a filter asks for: images are filtered by whether they have a tag and by
// their status, which is ACTIVE for all.
func tagFilter(images []ecr.Image, tags *ecrapi.TagStatus, status *ecrapi.ImageStatusFilter) []ecr.Image {
	if s := text(status); s != "" && s != "ANY" && s != "ACTIVE" {
		return nil
	}
	return slices.DeleteFunc(images, func(image ecr.Image) bool {
		switch text(tags) {
		case "TAGGED":
			return len(image.Tags) == 0
		case "UNTAGGED":
			return len(image.Tags) > 0
		default:
			return false
		}
	})
}

func wireID(digest, tag string) ecrapi.ImageIdentifier {
	return ecrapi.ImageIdentifier{ImageDigest: filled(digest), ImageTag: filled(tag)}
}

func idsOf(list []ecrapi.ImageIdentifier) []ecr.ID {
	var ids []ecr.ID
	for _, id := range list {
		ids = append(ids, ecr.ID{Digest: text(id.ImageDigest), Tag: text(id.ImageTag)})
	}
	return ids
}

func wireFailures(list []ecr.Failure) []ecrapi.ImageFailure {
	out := []ecrapi.ImageFailure{}
	for _, f := range list {
		out = append(out, ecrapi.ImageFailure{
			ImageId: new(wireID(f.ID.Digest, f.ID.Tag)), FailureCode: new(ecrapi.ImageFailureCode(f.Code)), FailureReason: new(f.Reason),
		})
	}
	return out
}

// contents returns the images of a repository that may be that of another account.
func (h *ECR) contents(ctx context.Context, registryID *string, name string) ([]ecr.Image, error) {
	if err := h.mine(registryID, name); err != nil {
		return nil, err
	}
	return h.Registry.Contents(ctx, region(ctx), name)
}

// ListImages lists images, one with several tags once for each.
func (h *ECR) ListImages(ctx context.Context, in *ecrapi.ListImagesInput) (*ecrapi.ListImagesOutput, error) {
	images, err := h.contents(ctx, in.RegistryId, *in.RepositoryName)
	if err != nil {
		return nil, err
	}
	filter := awsapi.Deref(in.Filter)
	var ids []ecr.ID
	for _, image := range tagFilter(images, filter.TagStatus, filter.ImageStatus) {
		if len(image.Tags) == 0 {
			ids = append(ids, ecr.ID{Digest: image.Digest})
		}
		for _, tag := range image.Tags {
			ids = append(ids, ecr.ID{Digest: image.Digest, Tag: tag})
		}
	}
	which := scope("ListImages", region(ctx), *in.RepositoryName, text(filter.TagStatus), text(filter.ImageStatus), number(in.MaxResults))
	some, next, err := ecrPage(h.TokenKey, ids, func(id ecr.ID) string { return id.Digest + ":" + id.Tag }, in.MaxResults, in.NextToken, which)
	if err != nil {
		return nil, err
	}
	out := &ecrapi.ListImagesOutput{ImageIds: []ecrapi.ImageIdentifier{}, NextToken: next}
	for _, id := range some {
		out.ImageIds = append(out.ImageIds, wireID(id.Digest, id.Tag))
	}
	return out, nil
}

// DescribeImages describes images, all of a repository or those that are named.
func (h *ECR) DescribeImages(ctx context.Context, in *ecrapi.DescribeImagesInput) (*ecrapi.DescribeImagesOutput, error) {
	images, err := h.contents(ctx, in.RegistryId, *in.RepositoryName)
	if err != nil {
		return nil, err
	}
	filter := awsapi.Deref(in.Filter)
	var next *string
	if len(in.ImageIds) > 0 {
		images, err = h.named(images, in)
	} else {
		images = tagFilter(images, filter.TagStatus, filter.ImageStatus)
		which := scope("DescribeImages", region(ctx), *in.RepositoryName, text(filter.TagStatus), text(filter.ImageStatus), number(in.MaxResults))
		images, next, err = ecrPage(h.TokenKey, images, func(image ecr.Image) string { return image.Digest }, in.MaxResults, in.NextToken, which)
	}
	if err != nil {
		return nil, err
	}
	out := &ecrapi.DescribeImagesOutput{ImageDetails: []ecrapi.ImageDetail{}, NextToken: next}
	for _, image := range images {
		out.ImageDetails = append(out.ImageDetails, ecrapi.ImageDetail{
			RegistryId: &h.Registry.Account, RepositoryName: in.RepositoryName,
			ImageDigest: new(image.Digest), ImageTags: image.Tags, ImageSizeInBytes: new(image.Size), ImagePushedAt: awsapi.NewTime(image.PushedAt),
			ImageManifestMediaType: filled(image.MediaType), ArtifactMediaType: filled(image.ArtifactType),
			SubjectManifestDigest: filled(image.Subject), ImageStatus: new(ecrapi.ImageStatusActive),
		})
	}
	return out, nil
}

// named returns the images that a request names. All must be there.
func (h *ECR) named(images []ecr.Image, in *ecrapi.DescribeImagesInput) ([]ecr.Image, error) {
	if in.MaxResults != nil || in.NextToken != nil || in.Filter != nil {
		return nil, ecr.Errorf("InvalidParameter", "maxResults, nextToken and filter cannot be used together with imageIds.")
	}
	var out []ecr.Image
	for _, id := range idsOf(in.ImageIds) {
		image, failure := ecr.Pick(images, id)
		if failure == nil {
			if !slices.ContainsFunc(out, func(other ecr.Image) bool { return other.Digest == image.Digest }) {
				out = append(out, image)
			}
			continue
		}
		if failure.Code != "ImageNotFound" && failure.Code != "ImageTagDoesNotMatchDigest" {
			return nil, ecr.Errorf("InvalidParameter", "%s", failure.Reason)
		}
		return nil, ecr.Errorf("ImageNotFound", "The image with imageId {imageDigest:'%s', imageTag:'%s'} does not exist within the repository with name '%s' in the registry with id '%s'",
			cmp.Or(id.Digest, "null"), cmp.Or(id.Tag, "null"), *in.RepositoryName, h.Registry.Account)
	}
	return out, nil
}

// BatchGetImage returns the manifests of images.
func (h *ECR) BatchGetImage(ctx context.Context, in *ecrapi.BatchGetImageInput) (*ecrapi.BatchGetImageOutput, error) {
	images, err := h.contents(ctx, in.RegistryId, *in.RepositoryName)
	if err != nil {
		return nil, err
	}
	out := &ecrapi.BatchGetImageOutput{Images: []ecrapi.Image{}}
	var failures []ecr.Failure
	for _, id := range idsOf(in.ImageIds) {
		image, failure := ecr.Pick(images, id)
		if failure == nil && len(in.AcceptedMediaTypes) > 0 && !slices.Contains(in.AcceptedMediaTypes, image.MediaType) {
			failure = &ecr.Failure{ID: id, Code: "ImageNotFound", Reason: "Requested image has the media type " + image.MediaType + ", which acceptedMediaTypes does not have"}
		}
		if failure != nil {
			failures = append(failures, *failure)
			continue
		}
		manifest, err := h.Registry.Manifest(ctx, region(ctx), *in.RepositoryName, image.Digest)
		if err != nil {
			return nil, err
		}
		out.Images = append(out.Images, ecrapi.Image{
			RegistryId: &h.Registry.Account, RepositoryName: in.RepositoryName, ImageId: new(wireID(image.Digest, id.Tag)),
			ImageManifest: new(string(manifest)), ImageManifestMediaType: filled(image.MediaType),
		})
	}
	out.Failures = wireFailures(failures)
	return out, nil
}

// BatchDeleteImage deletes images and tags. An image goes with its last tag.
func (h *ECR) BatchDeleteImage(ctx context.Context, in *ecrapi.BatchDeleteImageInput) (*ecrapi.BatchDeleteImageOutput, error) {
	// A repository that is not there is an exception, also when nothing is asked of it.
	if _, err := h.contents(ctx, in.RegistryId, *in.RepositoryName); err != nil {
		return nil, err
	}
	deleted, failures, err := h.Registry.DeleteImages(ctx, region(ctx), *in.RepositoryName, idsOf(in.ImageIds))
	if err != nil {
		return nil, err
	}
	out := &ecrapi.BatchDeleteImageOutput{ImageIds: []ecrapi.ImageIdentifier{}, Failures: wireFailures(failures)}
	for _, id := range deleted {
		out.ImageIds = append(out.ImageIds, wireID(id.Digest, id.Tag))
	}
	return out, nil
}
