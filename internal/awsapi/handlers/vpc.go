package handlers

import (
	"cmp"
	"context"
	"slices"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
)

// CreateVpcConnector makes a VPC connector.
func (h *Handlers) CreateVpcConnector(ctx context.Context, in *apprunnerapi.CreateVpcConnectorInput) (*apprunnerapi.CreateVpcConnectorOutput, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	made, err := h.Control.CreateConnector(ctx, h.here(ctx), *in.VpcConnectorName, in.Subnets, in.SecurityGroups, tags)
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.CreateVpcConnectorOutput{VpcConnector: connector(made)}, nil
}

// DescribeVpcConnector returns a VPC connector, also one that was deleted not long ago.
func (h *Handlers) DescribeVpcConnector(ctx context.Context, in *apprunnerapi.DescribeVpcConnectorInput) (*apprunnerapi.DescribeVpcConnectorOutput, error) {
	here := h.here(ctx)
	all, err := h.Control.Resources(ctx, here)
	if err != nil {
		return nil, err
	}
	found, err := all.Connector(*in.VpcConnectorArn, here)
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.DescribeVpcConnectorOutput{VpcConnector: connector(found)}, nil
}

// DeleteVpcConnector makes a VPC connector inactive.
func (h *Handlers) DeleteVpcConnector(ctx context.Context, in *apprunnerapi.DeleteVpcConnectorInput) (*apprunnerapi.DeleteVpcConnectorOutput, error) {
	gone, err := h.Control.DeleteConnector(ctx, h.here(ctx), *in.VpcConnectorArn)
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.DeleteVpcConnectorOutput{VpcConnector: connector(gone)}, nil
}

// ListVpcConnectors lists the active VPC connectors of the Region by name.
func (h *Handlers) ListVpcConnectors(ctx context.Context, in *apprunnerapi.ListVpcConnectorsInput) (*apprunnerapi.ListVpcConnectorsOutput, error) {
	here := h.here(ctx)
	all, err := h.Control.Resources(ctx, here)
	if err != nil {
		return nil, err
	}
	some := apprunner.Living(all.Connectors)
	key := func(c apprunner.VPCConnector) string { return c.Name }
	slices.SortFunc(some, func(a, b apprunner.VPCConnector) int { return cmp.Compare(key(a), key(b)) })
	some, next, err := page(h, some, key, number(in.MaxResults), in.NextToken, scope("ListVpcConnectors", here, number(in.MaxResults)))
	if err != nil {
		return nil, err
	}
	out := &apprunnerapi.ListVpcConnectorsOutput{VpcConnectors: make([]apprunnerapi.VpcConnector, 0, len(some)), NextToken: next}
	for _, c := range some {
		out.VpcConnectors = append(out.VpcConnectors, *connector(c))
	}
	return out, nil
}

// connector is how App Runner shows a VPC connector.
func connector(c apprunner.VPCConnector) *apprunnerapi.VpcConnector {
	status := apprunnerapi.VpcConnectorStatusActive
	if !c.Active() {
		status = apprunnerapi.VpcConnectorStatusInactive
	}
	return &apprunnerapi.VpcConnector{
		VpcConnectorArn: &c.ARN, VpcConnectorName: &c.Name, VpcConnectorRevision: new(int32(c.Revision())), Status: &status,
		Subnets: c.Subnets, SecurityGroups: c.SecurityGroups,
		CreatedAt: awsapi.NewTime(c.CreatedAt), DeletedAt: awsapi.NewTime(c.DeletedAt),
	}
}
