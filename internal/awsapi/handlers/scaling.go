package handlers

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
)

// CreateAutoScalingConfiguration makes a configuration, or the next revision of one.
func (h *Handlers) CreateAutoScalingConfiguration(ctx context.Context, in *apprunnerapi.CreateAutoScalingConfigurationInput) (*apprunnerapi.CreateAutoScalingConfigurationOutput, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	s := apprunner.Scaling{MaxConcurrency: number(in.MaxConcurrency), MinSize: number(in.MinSize), MaxSize: number(in.MaxSize)}
	made, err := h.Control.CreateScaling(ctx, h.here(ctx), *in.AutoScalingConfigurationName, s, tags)
	if err != nil {
		return nil, err
	}
	out, err := h.scaling(ctx, made)
	return &apprunnerapi.CreateAutoScalingConfigurationOutput{AutoScalingConfiguration: out}, err
}

// DescribeAutoScalingConfiguration returns one revision.
func (h *Handlers) DescribeAutoScalingConfiguration(ctx context.Context, in *apprunnerapi.DescribeAutoScalingConfigurationInput) (*apprunnerapi.DescribeAutoScalingConfigurationOutput, error) {
	found, _, err := h.Control.Scaling(ctx, h.here(ctx), *in.AutoScalingConfigurationArn)
	if err != nil {
		return nil, err
	}
	out, err := h.scaling(ctx, found)
	return &apprunnerapi.DescribeAutoScalingConfigurationOutput{AutoScalingConfiguration: out}, err
}

// DeleteAutoScalingConfiguration makes one revision, or all of a name, inactive.
func (h *Handlers) DeleteAutoScalingConfiguration(ctx context.Context, in *apprunnerapi.DeleteAutoScalingConfigurationInput) (*apprunnerapi.DeleteAutoScalingConfigurationOutput, error) {
	all := awsapi.Deref(in.DeleteAllRevisions)
	gone, err := h.Control.DeleteScaling(ctx, h.here(ctx), *in.AutoScalingConfigurationArn, all)
	if err != nil {
		return nil, err
	}
	if all {
		return &apprunnerapi.DeleteAutoScalingConfigurationOutput{AutoScalingConfiguration: &apprunnerapi.AutoScalingConfiguration{
			AutoScalingConfigurationArn: in.AutoScalingConfigurationArn, AutoScalingConfigurationName: &gone.Name,
			Status: new(apprunnerapi.AutoScalingConfigurationStatusInactive),
		}}, nil
	}
	out, err := h.scaling(ctx, gone)
	return &apprunnerapi.DeleteAutoScalingConfigurationOutput{AutoScalingConfiguration: out}, err
}

// UpdateDefaultAutoScalingConfiguration chooses what new services get.
func (h *Handlers) UpdateDefaultAutoScalingConfiguration(ctx context.Context, in *apprunnerapi.UpdateDefaultAutoScalingConfigurationInput) (*apprunnerapi.UpdateDefaultAutoScalingConfigurationOutput, error) {
	found, err := h.Control.SetDefaultScaling(ctx, h.here(ctx), *in.AutoScalingConfigurationArn)
	if err != nil {
		return nil, err
	}
	out, err := h.scaling(ctx, found)
	return &apprunnerapi.UpdateDefaultAutoScalingConfigurationOutput{AutoScalingConfiguration: out}, err
}

// ListAutoScalingConfigurations lists active configurations; by default only the latest revision of
// each name.
func (h *Handlers) ListAutoScalingConfigurations(ctx context.Context, in *apprunnerapi.ListAutoScalingConfigurationsInput) (*apprunnerapi.ListAutoScalingConfigurationsOutput, error) {
	here := h.here(ctx)
	all, err := h.Control.Store.Scalings(ctx, here)
	if err != nil {
		return nil, err
	}
	latest := in.LatestOnly == nil || *in.LatestOnly
	some := slices.DeleteFunc(slices.Clone(all), func(c apprunner.ScalingConfiguration) bool {
		other := in.AutoScalingConfigurationName != nil && c.Name != *in.AutoScalingConfigurationName
		return other || !c.Active() || (latest && !all.Latest(c))
	})
	key := func(c apprunner.ScalingConfiguration) string { return fmt.Sprintf("%s/%09d", c.Name, c.Revision) }
	slices.SortFunc(some, func(a, b apprunner.ScalingConfiguration) int { return cmp.Compare(key(a), key(b)) })
	some, next, err := page(h, some, key, number(in.MaxResults), in.NextToken,
		scope("ListAutoScalingConfigurations", here, text(in.AutoScalingConfigurationName), latest, number(in.MaxResults)))
	if err != nil {
		return nil, err
	}
	out := &apprunnerapi.ListAutoScalingConfigurationsOutput{
		AutoScalingConfigurationSummaryList: make([]apprunnerapi.AutoScalingConfigurationSummary, 0, len(some)), NextToken: next,
	}
	for _, c := range some {
		full, err := h.scaling(ctx, c)
		if err != nil {
			return nil, err
		}
		out.AutoScalingConfigurationSummaryList = append(out.AutoScalingConfigurationSummaryList, apprunnerapi.AutoScalingConfigurationSummary{
			AutoScalingConfigurationArn: full.AutoScalingConfigurationArn, AutoScalingConfigurationName: full.AutoScalingConfigurationName,
			AutoScalingConfigurationRevision: full.AutoScalingConfigurationRevision, Status: full.Status, CreatedAt: full.CreatedAt,
			HasAssociatedService: full.HasAssociatedService, IsDefault: full.IsDefault,
		})
	}
	return out, nil
}

// ListServicesForAutoScalingConfiguration lists the services that use a configuration.
func (h *Handlers) ListServicesForAutoScalingConfiguration(ctx context.Context, in *apprunnerapi.ListServicesForAutoScalingConfigurationInput) (*apprunnerapi.ListServicesForAutoScalingConfigurationOutput, error) {
	arns, err := h.Control.ServicesOfScaling(ctx, h.here(ctx), *in.AutoScalingConfigurationArn)
	if err != nil {
		return nil, err
	}
	slices.Sort(arns)
	some, next, err := page(h, arns, func(arn string) string { return arn }, number(in.MaxResults), in.NextToken,
		scope("ListServicesForAutoScalingConfiguration", *in.AutoScalingConfigurationArn, number(in.MaxResults)))
	return &apprunnerapi.ListServicesForAutoScalingConfigurationOutput{ServiceArnList: some, NextToken: next}, err
}

// scaling is how App Runner shows a configuration.
func (h *Handlers) scaling(ctx context.Context, c apprunner.ScalingConfiguration) (*apprunnerapi.AutoScalingConfiguration, error) {
	here := h.here(ctx)
	all, err := h.Control.Store.Scalings(ctx, here)
	if err != nil {
		return nil, err
	}
	used, err := h.Control.ServicesOfScaling(ctx, here, c.ARN)
	if err != nil {
		return nil, err
	}
	status := apprunnerapi.AutoScalingConfigurationStatusActive
	if !c.Active() {
		status = apprunnerapi.AutoScalingConfigurationStatusInactive
	}
	return &apprunnerapi.AutoScalingConfiguration{
		AutoScalingConfigurationArn: &c.ARN, AutoScalingConfigurationName: &c.Name, AutoScalingConfigurationRevision: new(int32(c.Revision)),
		Latest: new(all.Latest(c)), Status: &status,
		MaxConcurrency: new(int32(c.Scaling.MaxConcurrency)), MinSize: new(int32(c.Scaling.MinSize)), MaxSize: new(int32(c.Scaling.MaxSize)),
		CreatedAt: awsapi.NewTime(c.CreatedAt), DeletedAt: awsapi.NewTime(c.DeletedAt),
		HasAssociatedService: new(len(used) > 0), IsDefault: &c.Default,
	}, nil
}
