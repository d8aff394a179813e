package handlers

import (
	"context"
	"fmt"
	"math"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/control"
)

// CreateService makes a service and begins its first deployment.
func (h *Handlers) CreateService(ctx context.Context, in *apprunnerapi.CreateServiceInput) (*apprunnerapi.CreateServiceOutput, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	change, err := changeOf(in.SourceConfiguration, in.InstanceConfiguration, in.HealthCheckConfiguration,
		in.AutoScalingConfigurationArn, in.NetworkConfiguration, in.ObservabilityConfiguration)
	if err != nil {
		return nil, err
	}
	req := control.NewService{Name: *in.ServiceName, Tags: tags, Change: change}
	if in.EncryptionConfiguration != nil {
		req.KMSKey = text(in.EncryptionConfiguration.KmsKey)
	}
	s, o, err := h.Control.CreateService(ctx, h.here(ctx), req)
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.CreateServiceOutput{Service: h.service(s), OperationId: &o.ID}, nil
}

// UpdateService changes a service.
func (h *Handlers) UpdateService(ctx context.Context, in *apprunnerapi.UpdateServiceInput) (*apprunnerapi.UpdateServiceOutput, error) {
	change, err := changeOf(in.SourceConfiguration, in.InstanceConfiguration, in.HealthCheckConfiguration,
		in.AutoScalingConfigurationArn, in.NetworkConfiguration, in.ObservabilityConfiguration)
	if err != nil {
		return nil, err
	}
	s, o, err := h.Control.UpdateService(ctx, h.here(ctx), *in.ServiceArn, change)
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.UpdateServiceOutput{Service: h.service(s), OperationId: &o.ID}, nil
}

// DescribeService returns a service, also one that was deleted not long ago.
func (h *Handlers) DescribeService(ctx context.Context, in *apprunnerapi.DescribeServiceInput) (*apprunnerapi.DescribeServiceOutput, error) {
	s, err := h.Control.Service(ctx, h.here(ctx), *in.ServiceArn)
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.DescribeServiceOutput{Service: h.service(s)}, nil
}

// ListServices lists the services of the Region, newest first.
func (h *Handlers) ListServices(ctx context.Context, in *apprunnerapi.ListServicesInput) (*apprunnerapi.ListServicesOutput, error) {
	all, err := h.Control.Services(ctx, h.here(ctx))
	if err != nil {
		return nil, err
	}
	newest := func(s apprunner.Service) string {
		return fmt.Sprintf("%019d%s", math.MaxInt64-s.CreatedAt.UnixMilli(), s.ID)
	}
	some, next, err := page(h, all, newest, number(in.MaxResults), in.NextToken, scope("ListServices", h.here(ctx), number(in.MaxResults)))
	if err != nil {
		return nil, err
	}
	out := &apprunnerapi.ListServicesOutput{ServiceSummaryList: make([]apprunnerapi.ServiceSummary, 0, len(some)), NextToken: next}
	for _, s := range some {
		full := h.service(s)
		out.ServiceSummaryList = append(out.ServiceSummaryList, apprunnerapi.ServiceSummary{
			ServiceName: full.ServiceName, ServiceId: full.ServiceId, ServiceArn: full.ServiceArn, ServiceUrl: full.ServiceUrl,
			CreatedAt: full.CreatedAt, UpdatedAt: full.UpdatedAt, Status: full.Status,
		})
	}
	return out, nil
}

// StartDeployment deploys what the source has now.
func (h *Handlers) StartDeployment(ctx context.Context, in *apprunnerapi.StartDeploymentInput) (*apprunnerapi.StartDeploymentOutput, error) {
	_, o, err := h.Control.StartDeployment(ctx, h.here(ctx), *in.ServiceArn, "")
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.StartDeploymentOutput{OperationId: &o.ID}, nil
}

// PauseService takes a service's instances away. On a paused service it does nothing.
func (h *Handlers) PauseService(ctx context.Context, in *apprunnerapi.PauseServiceInput) (*apprunnerapi.PauseServiceOutput, error) {
	s, o, err := h.Control.PauseService(ctx, h.here(ctx), *in.ServiceArn)
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.PauseServiceOutput{Service: h.service(s), OperationId: filled(o.ID)}, nil
}

// ResumeService brings a paused service back. On a running service it does nothing.
func (h *Handlers) ResumeService(ctx context.Context, in *apprunnerapi.ResumeServiceInput) (*apprunnerapi.ResumeServiceOutput, error) {
	s, o, err := h.Control.ResumeService(ctx, h.here(ctx), *in.ServiceArn)
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.ResumeServiceOutput{Service: h.service(s), OperationId: filled(o.ID)}, nil
}

// DeleteService ends a service for good.
func (h *Handlers) DeleteService(ctx context.Context, in *apprunnerapi.DeleteServiceInput) (*apprunnerapi.DeleteServiceOutput, error) {
	s, o, err := h.Control.DeleteService(ctx, h.here(ctx), *in.ServiceArn)
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.DeleteServiceOutput{Service: h.service(s), OperationId: &o.ID}, nil
}

// ListOperations lists the operations of a service, newest first.
func (h *Handlers) ListOperations(ctx context.Context, in *apprunnerapi.ListOperationsInput) (*apprunnerapi.ListOperationsOutput, error) {
	all, err := h.Control.Operations(ctx, h.here(ctx), *in.ServiceArn)
	if err != nil {
		return nil, err
	}
	numbered := make([]numberedOperation, len(all))
	for i, o := range all {
		numbered[i] = numberedOperation{o, len(all) - i}
	}
	// Operations only ever come: the n-th from the beginning stays the n-th.
	newest := func(o numberedOperation) string { return fmt.Sprintf("%019d", math.MaxInt64-int64(o.n)) }
	some, next, err := page(h, numbered, newest, number(in.MaxResults), in.NextToken, scope("ListOperations", *in.ServiceArn, number(in.MaxResults)))
	if err != nil {
		return nil, err
	}
	out := &apprunnerapi.ListOperationsOutput{OperationSummaryList: make([]apprunnerapi.OperationSummary, 0, len(some)), NextToken: next}
	for _, o := range some {
		out.OperationSummaryList = append(out.OperationSummaryList, apprunnerapi.OperationSummary{
			Id: &o.ID, Type: new(apprunnerapi.OperationType(o.Type)), Status: new(apprunnerapi.OperationStatus(o.Status)),
			TargetArn: in.ServiceArn, StartedAt: awsapi.NewTime(o.StartedAt), UpdatedAt: awsapi.NewTime(o.UpdatedAt), EndedAt: awsapi.NewTime(o.EndedAt),
		})
	}
	return out, nil
}

type numberedOperation struct {
	apprunner.Operation
	n int
}
