package control

import (
	"context"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// DomainStore remembers custom domains.
type DomainStore interface {
	Domains(ctx context.Context) (apprunner.Domains, error)
	AddDomain(ctx context.Context, serviceID string, decide func(apprunner.Service, apprunner.Domains) (apprunner.CustomDomain, error)) error
	ChangeDomain(ctx context.Context, name string, decide func(apprunner.Service, apprunner.CustomDomain) (apprunner.CustomDomain, error)) error
}

// DomainRules are what this Slipway says of custom domains.
type DomainRules struct {
	Our   string // the domain of service URLs
	Quota int    // the most that a service may have
	// Changed is told that there is something to do; nil for nobody.
	Changed func()
}

func (r DomainRules) changed() {
	if r.Changed != nil {
		r.Changed()
	}
}

// AssociateDomain gives a service a custom domain and begins to bring it into use.
func (c *Control) AssociateDomain(ctx context.Context, here apprunner.Place, arn, name string, www bool) (apprunner.Service, apprunner.CustomDomain, error) {
	var d apprunner.CustomDomain
	s, err := c.Service(ctx, here, arn)
	if err != nil {
		return s, d, err
	}
	err = c.Store.AddDomain(ctx, s.ID, func(s apprunner.Service, all apprunner.Domains) (apprunner.CustomDomain, error) {
		var err error
		d, err = all.Add(s, name, www, c.Domains.Our, c.Domains.Quota, c.Now())
		return d, err
	})
	if err == nil {
		c.Domains.changed()
	}
	return s, d, err
}

// ServiceDomains returns the custom domains of a service, by name.
func (c *Control) ServiceDomains(ctx context.Context, here apprunner.Place, arn string) (apprunner.Service, apprunner.Domains, error) {
	s, err := c.Service(ctx, here, arn)
	if err != nil {
		return s, nil, err
	}
	all, err := c.Store.Domains(ctx)
	return s, all.Of(s.ID), err
}

// DisassociateDomain begins to take a custom domain away from its service.
func (c *Control) DisassociateDomain(ctx context.Context, here apprunner.Place, arn, name string) (apprunner.Service, apprunner.CustomDomain, error) {
	var d apprunner.CustomDomain
	s, err := c.Service(ctx, here, arn)
	if err != nil {
		return s, d, err
	}
	if err := apprunner.DomainChangeAllowed(s, "DisassociateCustomDomain"); err != nil {
		return s, d, err // whether there is such a domain or not
	}
	none := apprunner.Errorf(apprunner.ResourceNotFound, "Domain name %s is not associated with service %s.", name, arn)
	plain, err := apprunner.ParseDomainName(name, c.Domains.Our)
	if err != nil {
		return s, d, err
	}
	err = c.Store.ChangeDomain(ctx, plain, func(owner apprunner.Service, found apprunner.CustomDomain) (apprunner.CustomDomain, error) {
		if owner.ID != s.ID {
			return found, none
		}
		if err := apprunner.DomainChangeAllowed(owner, "DisassociateCustomDomain"); err != nil {
			return found, err
		}
		var err error
		d, err = found.Delete(c.Now())
		return d, err
	})
	switch {
	case err == nil:
		c.Domains.changed()
	case apprunner.CodeOf(err) == apprunner.ResourceNotFound:
		err = none
	}
	return s, d, err
}
