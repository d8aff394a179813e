package control

import (
	"cmp"
	"context"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// CreateScaling makes the next revision of an auto scaling configuration.
func (c *Control) CreateScaling(ctx context.Context, here apprunner.Place, name string, s apprunner.Scaling, tags map[string]string) (apprunner.ScalingConfiguration, error) {
	var made apprunner.ScalingConfiguration
	if err := checkTags(tags); err != nil {
		return made, err
	}
	err := c.Store.ChangeScalings(ctx, here, tags, func(all apprunner.Scalings, _ map[string]bool) ([]apprunner.ScalingConfiguration, error) {
		var err error
		made, err = all.Add(here, name, s.Or(apprunner.DefaultScaling()), c.scalingQuota(), apprunner.NewID(), c.Now())
		return []apprunner.ScalingConfiguration{made}, err
	})
	return made, err
}

func (c *Control) scalingQuota() int { return cmp.Or(c.ScalingQuota, apprunner.ScalingNamesQuota) }

// Scaling returns one auto scaling configuration and all of its Region.
func (c *Control) Scaling(ctx context.Context, here apprunner.Place, arn string) (apprunner.ScalingConfiguration, apprunner.Scalings, error) {
	all, err := c.Store.Scalings(ctx, here)
	if err != nil {
		return apprunner.ScalingConfiguration{}, nil, err
	}
	found, err := all.Find(arn, here)
	return found, all, err
}

// DeleteScaling makes an auto scaling configuration inactive, or with allRevisions every revision
// of its name. The default and those in use stay.
func (c *Control) DeleteScaling(ctx context.Context, here apprunner.Place, arn string, allRevisions bool) (apprunner.ScalingConfiguration, error) {
	var found apprunner.ScalingConfiguration
	err := c.Store.ChangeScalings(ctx, here, nil, func(all apprunner.Scalings, used map[string]bool) ([]apprunner.ScalingConfiguration, error) {
		var err error
		if found, err = all.Find(arn, here); err != nil {
			return nil, err
		}
		doomed, err := all.Delete(arn, found, allRevisions, used, c.Now())
		if err == nil && !allRevisions {
			found = doomed[0]
		}
		return doomed, err
	})
	return found, err
}

// SetDefaultScaling makes an auto scaling configuration the one that new services get.
func (c *Control) SetDefaultScaling(ctx context.Context, here apprunner.Place, arn string) (apprunner.ScalingConfiguration, error) {
	var found apprunner.ScalingConfiguration
	err := c.Store.ChangeScalings(ctx, here, nil, func(all apprunner.Scalings, _ map[string]bool) ([]apprunner.ScalingConfiguration, error) {
		var err error
		if found, err = all.Find(arn, here); err != nil {
			return nil, err
		}
		if !found.Active() {
			return nil, apprunner.Errorf(apprunner.InvalidRequest, "Auto scaling configuration %s is inactive and cannot be the default.", arn)
		}
		if found.Default {
			return nil, nil
		}
		before := all.Default()
		before.Default, found.Default = false, true
		return []apprunner.ScalingConfiguration{before, found}, nil
	})
	return found, err
}

// ServicesOfScaling returns the ARNs of the services that use an auto scaling configuration.
func (c *Control) ServicesOfScaling(ctx context.Context, here apprunner.Place, arn string) ([]string, error) {
	found, _, err := c.Scaling(ctx, here, arn)
	if err != nil {
		return nil, err
	}
	services, err := c.Services(ctx, here)
	if err != nil {
		return nil, err
	}
	arns := []string{}
	for _, s := range services {
		if s.Spec.ScalingARN == found.ARN {
			arns = append(arns, s.ARN)
		}
	}
	return arns, nil
}
