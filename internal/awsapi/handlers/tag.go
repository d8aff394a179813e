package handlers

import (
	"context"
	"maps"
	"slices"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
)

// TagResource sets tags; those with the same keys are replaced.
func (h *Handlers) TagResource(ctx context.Context, in *apprunnerapi.TagResourceInput) (*apprunnerapi.TagResourceOutput, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	if err := h.Control.ChangeTags(ctx, h.here(ctx), *in.ResourceArn, tags, nil); err != nil {
		return nil, err
	}
	return &apprunnerapi.TagResourceOutput{}, nil
}

// UntagResource removes tags; those that are not there are no error.
func (h *Handlers) UntagResource(ctx context.Context, in *apprunnerapi.UntagResourceInput) (*apprunnerapi.UntagResourceOutput, error) {
	if err := h.Control.ChangeTags(ctx, h.here(ctx), *in.ResourceArn, nil, in.TagKeys); err != nil {
		return nil, err
	}
	return &apprunnerapi.UntagResourceOutput{}, nil
}

// ListTagsForResource lists the tags of a resource by key.
func (h *Handlers) ListTagsForResource(ctx context.Context, in *apprunnerapi.ListTagsForResourceInput) (*apprunnerapi.ListTagsForResourceOutput, error) {
	tags, err := h.Control.Tags(ctx, h.here(ctx), *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	out := &apprunnerapi.ListTagsForResourceOutput{Tags: make([]apprunnerapi.Tag, 0, len(tags))}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out.Tags = append(out.Tags, apprunnerapi.Tag{Key: new(key), Value: new(tags[key])})
	}
	return out, nil
}
