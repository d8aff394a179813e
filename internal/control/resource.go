package control

import (
	"cmp"
	"context"
	"fmt"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// ResourceStore remembers connections, observability configurations, VPC connectors and VPC ingress
// connections.
type ResourceStore interface {
	Resources(ctx context.Context, here apprunner.Place) (apprunner.Resources, error)
	ChangeResources(ctx context.Context, here apprunner.Place, tags map[string]string, decide ResourceDecision) error
}

// ResourceDecision returns the resources to store, given all of a Region and who uses them.
type ResourceDecision = func(apprunner.Resources, apprunner.Users) (apprunner.Resources, error)

func (c *Control) resourceQuotas() apprunner.ResourceQuotas {
	return cmp.Or(c.ResourceQuotas, apprunner.DefaultResourceQuotas())
}

// Resources returns what a Region has beside services and auto scaling configurations.
func (c *Control) Resources(ctx context.Context, here apprunner.Place) (apprunner.Resources, error) {
	return c.Store.Resources(ctx, here)
}

// resourceExists refuses an ARN of nothing, or of what is deleted.
func (c *Control) resourceExists(ctx context.Context, here apprunner.Place, kind, arn string) error {
	all, err := c.Store.Resources(ctx, here)
	if err != nil {
		return err
	}
	gone := false
	switch kind {
	case apprunner.TypeConnection:
		_, err = all.Connection(arn, here)
	case apprunner.TypeObservability:
		var found apprunner.ObservabilityConfiguration
		found, err = all.Observability.Find(arn, here)
		gone = !found.Active() || found.ARN != arn
	case apprunner.TypeVPCConnector:
		var found apprunner.VPCConnector
		found, err = all.Connector(arn, here)
		gone = !found.Active()
	default:
		var found apprunner.VPCIngressConnection
		found, err = all.Ingress(arn, here)
		gone = found.Status == apprunner.IngressDeleted
	}
	if err == nil && gone {
		err = apprunner.Errorf(apprunner.ResourceNotFound, "There is no resource with ARN %s.", arn)
	}
	return err
}

// CreateConnection makes a connection to a provider of source code, which waits for its handshake.
func (c *Control) CreateConnection(ctx context.Context, here apprunner.Place, name, provider string, tags map[string]string) (made apprunner.Connection, err error) {
	if err := checkTags(tags); err != nil {
		return made, err
	}
	err = c.Store.ChangeResources(ctx, here, tags, func(all apprunner.Resources, _ apprunner.Users) (apprunner.Resources, error) {
		made, err = all.AddConnection(here, name, provider, apprunner.NewID(), c.resourceQuotas().Connections, c.Now())
		return apprunner.Resources{Connections: []apprunner.Connection{made}}, err
	})
	return made, err
}

// DeleteConnection ends a connection that no service uses.
func (c *Control) DeleteConnection(ctx context.Context, here apprunner.Place, arn string) (gone apprunner.Connection, err error) {
	err = c.Store.ChangeResources(ctx, here, nil, func(all apprunner.Resources, users apprunner.Users) (apprunner.Resources, error) {
		gone, err = all.DeleteConnection(arn, here, users, c.Now())
		return apprunner.Resources{Connections: []apprunner.Connection{gone}}, err
	})
	return gone, err
}

// ChangeConnection changes what is beside a connection's status: handshakes under way, webhooks, a
// credential that was renewed.
func (c *Control) ChangeConnection(ctx context.Context, here apprunner.Place, arn string, change func(apprunner.Connection) (apprunner.Connection, error)) (changed apprunner.Connection, err error) {
	err = c.Store.ChangeResources(ctx, here, nil, func(all apprunner.Resources, _ apprunner.Users) (apprunner.Resources, error) {
		found, err := all.Connection(arn, here)
		if err != nil {
			return all, err
		}
		changed, err = change(found)
		return apprunner.Resources{Connections: []apprunner.Connection{changed}}, err
	})
	return changed, err
}

// CompleteHandshake records what the handshake of a connection with its provider brought: the
// connection becomes AVAILABLE, or ERROR. The services that use it hear of an ERROR. Only who did the
// handshake may call it: no operation of the API does.
func (c *Control) CompleteHandshake(ctx context.Context, here apprunner.Place, arn string, result apprunner.Handshake) (shaken apprunner.Connection, err error) {
	var using []apprunner.Service
	err = c.Store.ChangeResources(ctx, here, nil, func(all apprunner.Resources, users apprunner.Users) (apprunner.Resources, error) {
		found, err := all.Connection(arn, here)
		if err != nil {
			return all, err
		}
		using = nil
		for _, s := range users.Services {
			if s.Listed() && s.Spec.Connection == arn {
				using = append(using, s)
			}
		}
		shaken, err = found.Shake(result)
		return apprunner.Resources{Connections: []apprunner.Connection{shaken}}, err
	})
	if err != nil || c.Tell == nil {
		return shaken, err
	}
	for _, s := range using {
		message := fmt.Sprintf("Connection %s is %s.", shaken.Name, shaken.Status)
		if shaken.Reason != "" {
			message += " Reason: " + shaken.Reason
		}
		c.Tell(s, message)
	}
	return shaken, nil
}

// CreateObservability makes the next revision of an observability configuration. Vendor is that of
// traces, empty for none.
func (c *Control) CreateObservability(ctx context.Context, here apprunner.Place, name, vendor string, tags map[string]string) (made apprunner.ObservabilityConfiguration, err error) {
	if err := checkTags(tags); err != nil {
		return made, err
	}
	err = c.Store.ChangeResources(ctx, here, tags, func(all apprunner.Resources, _ apprunner.Users) (apprunner.Resources, error) {
		made, err = all.Observability.Add(here, name, vendor, apprunner.NewID(), c.resourceQuotas().Observability, c.Now())
		return apprunner.Resources{Observability: apprunner.Observabilities{made}}, err
	})
	return made, err
}

// DeleteObservability makes a revision inactive that no service uses.
func (c *Control) DeleteObservability(ctx context.Context, here apprunner.Place, arn string) (gone apprunner.ObservabilityConfiguration, err error) {
	err = c.Store.ChangeResources(ctx, here, nil, func(all apprunner.Resources, users apprunner.Users) (apprunner.Resources, error) {
		gone, err = all.Observability.Delete(arn, here, users, c.Now())
		return apprunner.Resources{Observability: apprunner.Observabilities{gone}}, err
	})
	return gone, err
}

// CreateConnector makes a VPC connector.
func (c *Control) CreateConnector(ctx context.Context, here apprunner.Place, name string, subnets, groups []string, tags map[string]string) (made apprunner.VPCConnector, err error) {
	if err := checkTags(tags); err != nil {
		return made, err
	}
	err = c.Store.ChangeResources(ctx, here, tags, func(all apprunner.Resources, _ apprunner.Users) (apprunner.Resources, error) {
		made, err = all.AddConnector(here, name, subnets, groups, apprunner.NewID(), c.resourceQuotas().Connectors, c.Now())
		return apprunner.Resources{Connectors: []apprunner.VPCConnector{made}}, err
	})
	return made, err
}

// DeleteConnector makes a VPC connector inactive that no service uses.
func (c *Control) DeleteConnector(ctx context.Context, here apprunner.Place, arn string) (gone apprunner.VPCConnector, err error) {
	err = c.Store.ChangeResources(ctx, here, nil, func(all apprunner.Resources, users apprunner.Users) (apprunner.Resources, error) {
		gone, err = all.DeleteConnector(arn, here, users, c.Now())
		return apprunner.Resources{Connectors: []apprunner.VPCConnector{gone}}, err
	})
	return gone, err
}
