package control

import (
	"context"
	"log/slog"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// NewIngress is what a caller of CreateVpcIngressConnection asks for.
type NewIngress struct {
	Name       string
	ServiceARN string
	VPC        apprunner.IngressVPC
	Tags       map[string]string
}

// CreateIngress makes a VPC ingress connection, which is pending until an Ingresses has opened it.
func (c *Control) CreateIngress(ctx context.Context, here apprunner.Place, req NewIngress) (apprunner.VPCIngressConnection, error) {
	if err := checkTags(req.Tags); err != nil {
		return apprunner.VPCIngressConnection{}, err
	}
	return c.changeIngress(ctx, here, req.Tags, func(all apprunner.Resources, users apprunner.Users) (apprunner.VPCIngressConnection, error) {
		return all.AddIngress(here, req.Name, req.ServiceARN, req.VPC, users, apprunner.NewID(), apprunner.NewSubdomain(), c.Now())
	})
}

// UpdateIngress changes where the callers of a VPC ingress connection come from.
func (c *Control) UpdateIngress(ctx context.Context, here apprunner.Place, arn string, vpc apprunner.IngressVPC) (apprunner.VPCIngressConnection, error) {
	return c.changeIngress(ctx, here, nil, func(all apprunner.Resources, users apprunner.Users) (apprunner.VPCIngressConnection, error) {
		return all.ChangeIngress(arn, here, users, vpc, false)
	})
}

// DeleteIngress ends a VPC ingress connection.
func (c *Control) DeleteIngress(ctx context.Context, here apprunner.Place, arn string) (apprunner.VPCIngressConnection, error) {
	return c.changeIngress(ctx, here, nil, func(all apprunner.Resources, users apprunner.Users) (apprunner.VPCIngressConnection, error) {
		return all.ChangeIngress(arn, here, users, apprunner.IngressVPC{}, true)
	})
}

func (c *Control) changeIngress(ctx context.Context, here apprunner.Place, tags map[string]string,
	change func(apprunner.Resources, apprunner.Users) (apprunner.VPCIngressConnection, error),
) (changed apprunner.VPCIngressConnection, err error) {
	err = c.Store.ChangeResources(ctx, here, tags, func(all apprunner.Resources, users apprunner.Users) (apprunner.Resources, error) {
		changed, err = change(all, users)
		return apprunner.Resources{Ingresses: []apprunner.VPCIngressConnection{changed}}, err
	})
	if err == nil && c.Ingress != nil {
		c.Ingress()
	}
	return changed, err
}

// Ingresses brings VPC ingress connections to what was asked for. What is pending is in the store,
// so a daemon that was killed goes on with it, and doing it twice does no harm.
type Ingresses struct {
	Store ResourceStore
	// Open lets exactly these connections in, and no others.
	Open  func([]apprunner.VPCIngressConnection)
	Place func(region string) apprunner.Place
	Now   func() time.Time
	Log   *slog.Logger

	wake chan struct{}
}

// NewIngresses makes one. It works while Run does.
func NewIngresses(store ResourceStore, open func([]apprunner.VPCIngressConnection), place func(region string) apprunner.Place, now func() time.Time, log *slog.Logger) *Ingresses {
	return &Ingresses{Store: store, Open: open, Place: place, Now: now, Log: log, wake: make(chan struct{}, 1)}
}

// Wake has the connections looked at soon. It never blocks.
func (i *Ingresses) Wake() {
	select {
	case i.wake <- struct{}{}:
	default:
	}
}

// ingressRetry is the pause after a fault of the machine.
const ingressRetry = time.Second

// Run looks at all connections now and whenever it is woken, until ctx ends.
func (i *Ingresses) Run(ctx context.Context) {
	i.Wake()
	for {
		select {
		case <-ctx.Done():
			return
		case <-i.wake:
		}
		err := i.Settle(ctx)
		if err == nil || ctx.Err() != nil {
			continue
		}
		i.Log.Error("VPC ingress connections were not brought up to date; this is tried again", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(ingressRetry):
			i.Wake()
		}
	}
}

// Settle opens the connections that are wanted, closes the others, and records that it has.
func (i *Ingresses) Settle(ctx context.Context) error {
	all, err := i.Store.Resources(ctx, apprunner.Place{})
	if err != nil {
		return err
	}
	var open []apprunner.VPCIngressConnection
	for _, c := range all.Ingresses {
		if c.Open() {
			open = append(open, c)
		}
	}
	i.Open(open)
	for _, c := range all.Ingresses {
		if !c.Pending() {
			continue
		}
		here := i.Place(c.Region)
		err := i.Store.ChangeResources(ctx, here, nil, func(now apprunner.Resources, _ apprunner.Users) (apprunner.Resources, error) {
			found, err := now.Ingress(c.ARN, here)
			if err != nil || found.Status != c.Status {
				return apprunner.Resources{}, err // changed meanwhile: it is looked at again
			}
			return apprunner.Resources{Ingresses: []apprunner.VPCIngressConnection{found.Settle(i.Now())}}, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
