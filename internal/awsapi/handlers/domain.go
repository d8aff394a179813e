package handlers

import (
	"context"

	"github.com/slipway-run/slipway/internal/apprunner"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
)

// AssociateCustomDomain gives a service a domain of its owner. Its records come with the first
// description.
func (h *Handlers) AssociateCustomDomain(ctx context.Context, in *apprunnerapi.AssociateCustomDomainInput) (*apprunnerapi.AssociateCustomDomainOutput, error) {
	www := in.EnableWWWSubdomain == nil || *in.EnableWWWSubdomain
	s, d, err := h.Control.AssociateDomain(ctx, h.here(ctx), *in.ServiceArn, *in.DomainName, www)
	if err != nil {
		return nil, err
	}
	targets, err := h.vpcTargets(ctx, s)
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.AssociateCustomDomainOutput{
		DNSTarget: new(h.Host(s)), ServiceArn: &s.ARN, CustomDomain: new(domainShape(d)), VpcDNSTargets: targets,
	}, nil
}

// DescribeCustomDomains lists the domains of a service, by name.
func (h *Handlers) DescribeCustomDomains(ctx context.Context, in *apprunnerapi.DescribeCustomDomainsInput) (*apprunnerapi.DescribeCustomDomainsOutput, error) {
	s, all, err := h.Control.ServiceDomains(ctx, h.here(ctx), *in.ServiceArn)
	if err != nil {
		return nil, err
	}
	some, next, err := page(h, all, func(d apprunner.CustomDomain) string { return d.Name }, number(in.MaxResults), in.NextToken,
		scope("DescribeCustomDomains", *in.ServiceArn, number(in.MaxResults)))
	if err != nil {
		return nil, err
	}
	targets, err := h.vpcTargets(ctx, s)
	if err != nil {
		return nil, err
	}
	out := &apprunnerapi.DescribeCustomDomainsOutput{
		DNSTarget: new(h.Host(s)), ServiceArn: &s.ARN, NextToken: next,
		CustomDomains: make([]apprunnerapi.CustomDomain, 0, len(some)), VpcDNSTargets: targets,
	}
	for _, d := range some {
		out.CustomDomains = append(out.CustomDomains, domainShape(d))
	}
	return out, nil
}

// DisassociateCustomDomain takes a domain away from a service.
func (h *Handlers) DisassociateCustomDomain(ctx context.Context, in *apprunnerapi.DisassociateCustomDomainInput) (*apprunnerapi.DisassociateCustomDomainOutput, error) {
	s, d, err := h.Control.DisassociateDomain(ctx, h.here(ctx), *in.ServiceArn, *in.DomainName)
	if err != nil {
		return nil, err
	}
	targets, err := h.vpcTargets(ctx, s)
	if err != nil {
		return nil, err
	}
	return &apprunnerapi.DisassociateCustomDomainOutput{
		DNSTarget: new(h.Host(s)), ServiceArn: &s.ARN, CustomDomain: new(domainShape(d)), VpcDNSTargets: targets,
	}, nil
}

// vpcTargets lists what DNS records inside of a VPC name: the domains of the service's VPC ingress
// connections.
func (h *Handlers) vpcTargets(ctx context.Context, s apprunner.Service) ([]apprunnerapi.VpcDNSTarget, error) {
	all, err := h.Control.Resources(ctx, h.here(ctx))
	if err != nil {
		return nil, err
	}
	targets := []apprunnerapi.VpcDNSTarget{} // an empty list is answered as one
	for _, c := range all.Ingresses {
		if c.ServiceARN == s.ARN && c.Open() {
			targets = append(targets, apprunnerapi.VpcDNSTarget{
				VpcIngressConnectionArn: &c.ARN, VpcId: filled(c.VPC.ID), DomainName: new(c.Domain(h.Domain)),
			})
		}
	}
	return targets, nil
}

// domainShape is how App Runner shows a custom domain.
func domainShape(d apprunner.CustomDomain) apprunnerapi.CustomDomain {
	out := apprunnerapi.CustomDomain{
		DomainName: &d.Name, EnableWWWSubdomain: &d.WWW, Status: new(apprunnerapi.CustomDomainAssociationStatus(d.Status)),
	}
	for _, r := range d.Records {
		status := apprunnerapi.CertificateValidationRecordStatusPendingValidation
		switch {
		case r.Valid:
			status = apprunnerapi.CertificateValidationRecordStatusSuccess
		case d.Status == apprunner.DomainCreateFailed:
			status = apprunnerapi.CertificateValidationRecordStatusFailed
		}
		out.CertificateValidationRecords = append(out.CertificateValidationRecords, apprunnerapi.CertificateValidationRecord{
			Type: new("CNAME"), Name: &r.Name, Value: &r.Value, Status: &status,
		})
	}
	return out
}
