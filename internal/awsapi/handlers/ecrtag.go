package handlers

import (
	"context"
	"maps"
	"slices"

	ecrapi "github.com/slipway-run/slipway/internal/awsapi/ecr"
	"github.com/slipway-run/slipway/internal/ecr"
)

func ecrTags(list []ecrapi.Tag) (map[string]string, error) {
	tags := make(map[string]string, len(list))
	for _, t := range list {
		if _, twice := tags[text(t.Key)]; twice {
			return nil, ecr.Errorf("InvalidTagParameter", "Tag key %q is given twice.", text(t.Key))
		}
		tags[text(t.Key)] = text(t.Value)
	}
	return tags, nil
}

// TagResource sets tags of a repository; those with the same keys are replaced.
func (h *ECR) TagResource(ctx context.Context, in *ecrapi.TagResourceInput) (*ecrapi.TagResourceOutput, error) {
	tags, err := ecrTags(in.Tags)
	if err != nil {
		return nil, err
	}
	return &ecrapi.TagResourceOutput{}, h.Registry.ChangeTags(ctx, region(ctx), *in.ResourceArn, tags, nil)
}

// UntagResource removes tags of a repository; those that are not there are no error.
func (h *ECR) UntagResource(ctx context.Context, in *ecrapi.UntagResourceInput) (*ecrapi.UntagResourceOutput, error) {
	return &ecrapi.UntagResourceOutput{}, h.Registry.ChangeTags(ctx, region(ctx), *in.ResourceArn, nil, in.TagKeys)
}

// ListTagsForResource lists the tags of a repository by key.
func (h *ECR) ListTagsForResource(ctx context.Context, in *ecrapi.ListTagsForResourceInput) (*ecrapi.ListTagsForResourceOutput, error) {
	tags, err := h.Registry.Tags(ctx, region(ctx), *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	out := &ecrapi.ListTagsForResourceOutput{Tags: []ecrapi.Tag{}}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out.Tags = append(out.Tags, ecrapi.Tag{Key: new(key), Value: new(tags[key])})
	}
	return out, nil
}
