package control

import (
	"context"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Tags returns the tags of a resource.
func (c *Control) Tags(ctx context.Context, here apprunner.Place, arn string) (map[string]string, error) {
	if err := c.exists(ctx, here, arn); err != nil {
		return nil, err
	}
	return c.Store.Tags(ctx, arn)
}

// ChangeTags sets and removes tags of a resource.
func (c *Control) ChangeTags(ctx context.Context, here apprunner.Place, arn string, set map[string]string, remove []string) error {
	if err := checkTags(set); err != nil {
		return err
	}
	if err := c.exists(ctx, here, arn); err != nil {
		return err
	}
	service, err := apprunner.ServiceARN(arn, here)
	if err != nil { // another resource, whose tags mean nothing
		return c.Store.ChangeTags(ctx, arn, set, remove)
	}
	if err := apprunner.CheckOptions(set); err != nil {
		return err
	}
	if err := c.Store.ChangeTags(ctx, arn, set, remove); err != nil {
		return err
	}
	if c.Retagged != nil {
		c.Retagged(service.ID)
	}
	return nil
}

// exists refuses an ARN that names nothing which can have tags.
func (c *Control) exists(ctx context.Context, here apprunner.Place, arn string) error {
	a, err := apprunner.ParseARN(arn)
	if err != nil {
		return err
	}
	switch a.Type {
	case apprunner.TypeService:
		var s apprunner.Service
		s, err = c.Service(ctx, here, arn)
		if err == nil && !s.Listed() {
			err = apprunner.Errorf(apprunner.ResourceNotFound, "Service %s is deleted.", arn)
		}
	case apprunner.TypeScaling:
		_, _, err = c.Scaling(ctx, here, arn)
	case apprunner.TypeConnection, apprunner.TypeObservability, apprunner.TypeVPCConnector, apprunner.TypeVPCIngress:
		err = c.resourceExists(ctx, here, a.Type, arn)
	default:
		err = apprunner.Errorf(apprunner.ResourceNotFound, "There is no resource with ARN %s.", arn)
	}
	return err
}
