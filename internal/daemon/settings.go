package daemon

import (
	"context"
	"strings"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build/bake"
	"github.com/slipway-run/slipway/internal/engine/containerd"
)

// health tells the admin API how this Slipway was started and how its machine is.
type health struct{ d *Daemon }

// Settings implements admin.Health.
func (h health) Settings(ctx context.Context, here apprunner.Place) (admin.Settings, error) {
	quotas, err := h.quotas(ctx, here)
	return admin.Settings{
		Version: h.d.config.Version, DataDir: h.d.config.DataDir, Settings: h.settings(), Quotas: quotas, Problems: h.problems(),
	}, err
}

// settings are those that a user of the console wants to know.
func (h health) settings() []admin.Setting {
	c := h.d.config
	return []admin.Setting{
		{Name: "domain", Value: c.Domain}, {Name: "region", Value: c.Region}, {Name: "account", Value: c.Account},
		{Name: "api-listen", Value: c.APIListen}, {Name: "http-listen", Value: c.HTTPListen},
		{Name: "https-listen", Value: c.HTTPSListen}, {Name: "private-listen", Value: c.PrivateListen},
		{Name: "domains.addresses", Value: strings.Join(c.Domains.Addresses, ", ")}, {Name: "source.public-url", Value: c.Source.PublicURL},
		{Name: "observability.otlp-endpoint", Value: c.Observability.OTLPEndpoint},
		{Name: "timeouts.start", Value: c.Timeouts.Start.String()}, {Name: "timeouts.drain", Value: c.Timeouts.Drain.String()},
	}
}

// problems is what "slipway doctor" says.
func (h health) problems() (all []admin.Problem) {
	for _, p := range containerd.Preflight(containerd.Options{DataDir: h.d.config.DataDir, BinDir: h.d.config.EngineDir}) {
		all = append(all, admin.Problem{What: p.What, Fix: p.Fix, Fatal: p.Fatal})
	}
	for _, p := range bake.Missing() {
		all = append(all, admin.Problem{What: p.What + ", for \"slipway runtimes build\"", Fix: p.Fix})
	}
	return all
}

func (h health) quotas(ctx context.Context, here apprunner.Place) ([]admin.Quota, error) {
	services, err := h.d.control.Services(ctx, here)
	if err != nil {
		return nil, err
	}
	scalings, err := h.d.store.Scalings(ctx, here)
	if err != nil {
		return nil, err
	}
	resources, err := h.d.control.Resources(ctx, here)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, c := range scalings {
		if c.Active() {
			names[c.Name] = true
		}
	}
	q := h.d.config.Quotas
	return []admin.Quota{
		{Name: "Services", Used: len(services), Limit: q.Services},
		{Name: "Auto scaling configurations", Used: len(names), Limit: q.AutoScalingConfigurations},
		{Name: "Connections", Used: len(resources.Connections), Limit: q.Connections},
		{Name: "VPC connectors", Used: len(resources.Connectors), Limit: q.VPCConnectors},
	}, nil
}
