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

// CreateObservabilityConfiguration makes a configuration, or the next revision of one.
func (h *Handlers) CreateObservabilityConfiguration(ctx context.Context, in *apprunnerapi.CreateObservabilityConfigurationInput) (*apprunnerapi.CreateObservabilityConfigurationOutput, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	vendor := ""
	if in.TraceConfiguration != nil {
		vendor = text(in.TraceConfiguration.Vendor)
	}
	made, err := h.Control.CreateObservability(ctx, h.here(ctx), *in.ObservabilityConfigurationName, vendor, tags)
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.CreateObservabilityConfigurationOutput{ObservabilityConfiguration: observability(made, true)}, nil
}

// DescribeObservabilityConfiguration returns one revision.
func (h *Handlers) DescribeObservabilityConfiguration(ctx context.Context, in *apprunnerapi.DescribeObservabilityConfigurationInput) (*apprunnerapi.DescribeObservabilityConfigurationOutput, error) {
	here := h.here(ctx)
	all, err := h.Control.Resources(ctx, here)
	if err != nil {
		return nil, err
	}
	found, err := all.Observability.Find(*in.ObservabilityConfigurationArn, here)
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.DescribeObservabilityConfigurationOutput{
		ObservabilityConfiguration: observability(found, all.Observability.Latest(found)),
	}, nil
}

// DeleteObservabilityConfiguration makes one revision inactive.
func (h *Handlers) DeleteObservabilityConfiguration(ctx context.Context, in *apprunnerapi.DeleteObservabilityConfigurationInput) (*apprunnerapi.DeleteObservabilityConfigurationOutput, error) {
	gone, err := h.Control.DeleteObservability(ctx, h.here(ctx), *in.ObservabilityConfigurationArn)
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.DeleteObservabilityConfigurationOutput{ObservabilityConfiguration: observability(gone, false)}, nil
}

// ListObservabilityConfigurations lists active configurations; by default only the latest revision
// of each name.
func (h *Handlers) ListObservabilityConfigurations(ctx context.Context, in *apprunnerapi.ListObservabilityConfigurationsInput) (*apprunnerapi.ListObservabilityConfigurationsOutput, error) {
	here := h.here(ctx)
	all, err := h.Control.Resources(ctx, here)
	if err != nil {
		return nil, err
	}
	latest := in.LatestOnly == nil || *in.LatestOnly
	some := slices.DeleteFunc(apprunner.Living(all.Observability), func(c apprunner.ObservabilityConfiguration) bool {
		other := in.ObservabilityConfigurationName != nil && c.Name != *in.ObservabilityConfigurationName
		return other || (latest && !all.Observability.Latest(c))
	})
	key := func(c apprunner.ObservabilityConfiguration) string { return fmt.Sprintf("%s/%09d", c.Name, c.Revision) }
	slices.SortFunc(some, func(a, b apprunner.ObservabilityConfiguration) int { return cmp.Compare(key(a), key(b)) })
	some, next, err := page(h, some, key, number(in.MaxResults), in.NextToken,
		scope("ListObservabilityConfigurations", here, text(in.ObservabilityConfigurationName), latest, number(in.MaxResults)))
	if err != nil {
		return nil, err
	}
	out := &apprunnerapi.ListObservabilityConfigurationsOutput{
		ObservabilityConfigurationSummaryList: make([]apprunnerapi.ObservabilityConfigurationSummary, 0, len(some)), NextToken: next,
	}
	for _, c := range some {
		out.ObservabilityConfigurationSummaryList = append(out.ObservabilityConfigurationSummaryList, apprunnerapi.ObservabilityConfigurationSummary{
			ObservabilityConfigurationArn: &c.ARN, ObservabilityConfigurationName: &c.Name, ObservabilityConfigurationRevision: new(int32(c.Revision)),
		})
	}
	return out, nil
}

// observability is how App Runner shows a configuration.
func observability(c apprunner.ObservabilityConfiguration, latest bool) *apprunnerapi.ObservabilityConfiguration {
	out := &apprunnerapi.ObservabilityConfiguration{
		ObservabilityConfigurationArn: &c.ARN, ObservabilityConfigurationName: &c.Name, ObservabilityConfigurationRevision: new(int32(c.Revision)),
		Latest: &latest, Status: new(apprunnerapi.ObservabilityConfigurationStatusActive),
		CreatedAt: awsapi.NewTime(c.CreatedAt), DeletedAt: awsapi.NewTime(c.DeletedAt),
	}
	if !c.Active() {
		out.Status = new(apprunnerapi.ObservabilityConfigurationStatusInactive)
	}
	if c.Vendor != "" {
		out.TraceConfiguration = &apprunnerapi.TraceConfiguration{Vendor: new(apprunnerapi.TracingVendor(c.Vendor))}
	}
	return out
}
