package handlers

import (
	"cmp"
	"context"
	"slices"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/control"
)

// CreateVpcIngressConnection lets callers on the private listener reach a service.
func (h *Handlers) CreateVpcIngressConnection(ctx context.Context, in *apprunnerapi.CreateVpcIngressConnectionInput) (*apprunnerapi.CreateVpcIngressConnectionOutput, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	made, err := h.Control.CreateIngress(ctx, h.here(ctx), control.NewIngress{
		Name: *in.VpcIngressConnectionName, ServiceARN: *in.ServiceArn, VPC: ingressVPC(in.IngressVpcConfiguration), Tags: tags,
	})
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.CreateVpcIngressConnectionOutput{VpcIngressConnection: h.ingress(made)}, nil
}

// DescribeVpcIngressConnection returns a connection, also one that was deleted not long ago.
func (h *Handlers) DescribeVpcIngressConnection(ctx context.Context, in *apprunnerapi.DescribeVpcIngressConnectionInput) (*apprunnerapi.DescribeVpcIngressConnectionOutput, error) {
	here := h.here(ctx)
	all, err := h.Control.Resources(ctx, here)
	if err != nil {
		return nil, err
	}
	found, err := all.Ingress(*in.VpcIngressConnectionArn, here)
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.DescribeVpcIngressConnectionOutput{VpcIngressConnection: h.ingress(found)}, nil
}

// UpdateVpcIngressConnection changes where callers come from.
func (h *Handlers) UpdateVpcIngressConnection(ctx context.Context, in *apprunnerapi.UpdateVpcIngressConnectionInput) (*apprunnerapi.UpdateVpcIngressConnectionOutput, error) {
	changed, err := h.Control.UpdateIngress(ctx, h.here(ctx), *in.VpcIngressConnectionArn, ingressVPC(in.IngressVpcConfiguration))
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.UpdateVpcIngressConnectionOutput{VpcIngressConnection: h.ingress(changed)}, nil
}

// DeleteVpcIngressConnection ends a connection.
func (h *Handlers) DeleteVpcIngressConnection(ctx context.Context, in *apprunnerapi.DeleteVpcIngressConnectionInput) (*apprunnerapi.DeleteVpcIngressConnectionOutput, error) {
	gone, err := h.Control.DeleteIngress(ctx, h.here(ctx), *in.VpcIngressConnectionArn)
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.DeleteVpcIngressConnectionOutput{VpcIngressConnection: h.ingress(gone)}, nil
}

// ListVpcIngressConnections lists the connections of the Region that a filter lets through, by name.
func (h *Handlers) ListVpcIngressConnections(ctx context.Context, in *apprunnerapi.ListVpcIngressConnectionsInput) (*apprunnerapi.ListVpcIngressConnectionsOutput, error) {
	here := h.here(ctx)
	all, err := h.Control.Resources(ctx, here)
	if err != nil {
		return nil, err
	}
	var service, endpoint string
	if in.Filter != nil {
		service, endpoint = text(in.Filter.ServiceArn), text(in.Filter.VpcEndpointId)
	}
	some := slices.DeleteFunc(apprunner.Living(all.Ingresses), func(c apprunner.VPCIngressConnection) bool {
		return (service != "" && c.ServiceARN != service) || (endpoint != "" && c.VPC.EndpointID != endpoint)
	})
	key := func(c apprunner.VPCIngressConnection) string { return c.Name }
	slices.SortFunc(some, func(a, b apprunner.VPCIngressConnection) int { return cmp.Compare(key(a), key(b)) })
	some, next, err := page(h, some, key, number(in.MaxResults), in.NextToken,
		scope("ListVpcIngressConnections", here, service, endpoint, number(in.MaxResults)))
	if err != nil {
		return nil, err
	}
	out := &apprunnerapi.ListVpcIngressConnectionsOutput{
		VpcIngressConnectionSummaryList: make([]apprunnerapi.VpcIngressConnectionSummary, 0, len(some)), NextToken: next,
	}
	for _, c := range some {
		out.VpcIngressConnectionSummaryList = append(out.VpcIngressConnectionSummaryList, apprunnerapi.VpcIngressConnectionSummary{
			VpcIngressConnectionArn: &c.ARN, ServiceArn: &c.ServiceARN,
		})
	}
	return out, nil
}

func ingressVPC(in *apprunnerapi.IngressVpcConfiguration) apprunner.IngressVPC {
	return apprunner.IngressVPC{ID: text(in.VpcId), EndpointID: text(in.VpcEndpointId)}
}

// ingress is how App Runner shows a VPC ingress connection.
func (h *Handlers) ingress(c apprunner.VPCIngressConnection) *apprunnerapi.VpcIngressConnection {
	return &apprunnerapi.VpcIngressConnection{
		VpcIngressConnectionArn: &c.ARN, VpcIngressConnectionName: &c.Name, ServiceArn: &c.ServiceARN,
		Status: new(apprunnerapi.VpcIngressConnectionStatus(c.Status)), AccountId: &h.Account, DomainName: new(c.Domain(h.Domain)),
		IngressVpcConfiguration: &apprunnerapi.IngressVpcConfiguration{VpcId: filled(c.VPC.ID), VpcEndpointId: filled(c.VPC.EndpointID)},
		CreatedAt:               awsapi.NewTime(c.CreatedAt), DeletedAt: awsapi.NewTime(c.DeletedAt),
	}
}
