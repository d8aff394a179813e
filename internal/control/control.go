// Package control is what anyone may ask for: callers of the API, the command line, a moved tag.
// It checks the rules and writes the intent in one transaction; operations then do the work.
package control

import (
	"context"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// ServiceStore remembers services and their operations.
type ServiceStore interface {
	Services(ctx context.Context, region string) ([]apprunner.Service, error)
	Service(ctx context.Context, id string) (apprunner.Service, error)
	Operations(ctx context.Context, serviceID string) ([]apprunner.Operation, error)
	Revisions(ctx context.Context, serviceID string) ([]apprunner.Revision, error)
	CreateService(ctx context.Context, here apprunner.Place, decide CreateDecision, tags map[string]string) error
	ChangeService(ctx context.Context, here apprunner.Place, id string, decide ChangeDecision) error
	// Abandon makes a service DELETE_FAILED that cannot be read since its key is lost, and no other.
	Abandon(ctx context.Context, arn apprunner.ARN) error
}

// CreateDecision makes a service of what a Region has.
type CreateDecision = func([]apprunner.Service, apprunner.Scalings, apprunner.Resources) (apprunner.Service, apprunner.Operation, error)

// ChangeDecision makes the next state of a service and the operation that brings it about.
type ChangeDecision = func(apprunner.Service, apprunner.Scalings, apprunner.Resources) (apprunner.Service, apprunner.Operation, error)

// ScalingStore remembers auto scaling configurations.
type ScalingStore interface {
	Scalings(ctx context.Context, here apprunner.Place) (apprunner.Scalings, error)
	ChangeScalings(ctx context.Context, here apprunner.Place, tags map[string]string, decide ScalingDecision) error
}

// ScalingDecision returns the configurations to store. Used has the ARNs that services use.
type ScalingDecision = func(all apprunner.Scalings, used map[string]bool) ([]apprunner.ScalingConfiguration, error)

// TagStore remembers tags.
type TagStore interface {
	Tags(ctx context.Context, arn string) (map[string]string, error)
	ChangeTags(ctx context.Context, arn string, set map[string]string, remove []string) error
}

// Store remembers everything that control writes.
type Store interface {
	ServiceStore
	ScalingStore
	ResourceStore
	TagStore
	DomainStore
}

// Runner does the work of an operation.
type Runner interface {
	Submit(o apprunner.Operation)
	// Cancel ends an operation, and reports whether it runs.
	Cancel(operationID string) bool
}

// Control changes services on request.
type Control struct {
	Store  Store
	Runner Runner
	// CheckImage refuses an image identifier that can never be pulled. It asks no registry.
	CheckImage func(image apprunner.Image, accessRole string, here apprunner.Place) error
	// CheckCode refuses source code that can never be built. It asks no provider. Before is what the
	// service had, nil for a new one.
	CheckCode func(before *apprunner.CodeRepository, spec apprunner.Spec, here apprunner.Place) error
	// CheckRoles, if set, refuses roles of a configuration that cannot be assumed. It may ask AWS.
	CheckRoles func(ctx context.Context, spec apprunner.Spec, here apprunner.Place) error
	// CheckSecret, if set, refuses a reference to a secret that can never be resolved.
	CheckSecret func(name string, ref apprunner.SecretReference) error
	// Retagged, if set, is told of every service whose tags, and so options, have changed.
	Retagged func(serviceID string)
	// ServiceQuota is how many services a Region may have.
	ServiceQuota int
	// ScalingQuota is how many names of auto scaling configurations a Region may have; 0 for as many as
	// in App Runner.
	ScalingQuota int
	// ResourceQuotas are those of connections, observability configurations and VPC connectors; the
	// zero value stands for App Runner's.
	ResourceQuotas apprunner.ResourceQuotas
	Now            func() time.Time
	// Tell, if set, writes an event of a service.
	Tell func(s apprunner.Service, message string)
	// Ingress, if set, is told that a VPC ingress connection is pending.
	Ingress func()
	Domains DomainRules
}

// Service returns the service with an ARN.
func (c *Control) Service(ctx context.Context, here apprunner.Place, arn string) (apprunner.Service, error) {
	a, err := apprunner.ServiceARN(arn, here)
	if err != nil {
		return apprunner.Service{}, err
	}
	s, err := c.Store.Service(ctx, a.ID)
	if apprunner.CodeOf(err) == apprunner.ResourceNotFound || (err == nil && s.ARN != arn) {
		return s, apprunner.Errorf(apprunner.ResourceNotFound, "There is no service with ARN %s.", arn)
	}
	return s, err
}

// ServiceByID returns the service with an id, also one that was deleted not long ago.
func (c *Control) ServiceByID(ctx context.Context, here apprunner.Place, id string) (apprunner.Service, error) {
	s, err := c.Store.Service(ctx, id)
	if err == nil && s.Region != here.Region {
		err = apprunner.Errorf(apprunner.ResourceNotFound, "There is no service with id %s in Region %s.", id, here.Region)
	}
	return s, err
}

// Services returns the services of a Region, newest first, without the deleted ones.
func (c *Control) Services(ctx context.Context, here apprunner.Place) ([]apprunner.Service, error) {
	all, err := c.Store.Services(ctx, here.Region)
	if err != nil {
		return nil, err
	}
	listed := make([]apprunner.Service, 0, len(all))
	for _, s := range all {
		if s.Listed() {
			listed = append(listed, s)
		}
	}
	return listed, nil
}

// Operations returns the operations of a service, newest first.
func (c *Control) Operations(ctx context.Context, here apprunner.Place, arn string) ([]apprunner.Operation, error) {
	s, err := c.Service(ctx, here, arn)
	if err != nil {
		return nil, err
	}
	return c.Store.Operations(ctx, s.ID)
}
