package daemon

import (
	"context"
	"log/slog"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/autoscale"
	"github.com/slipway-run/slipway/internal/fleet"
	"github.com/slipway-run/slipway/internal/router"
	"github.com/slipway-run/slipway/internal/trial"
)

// routing lets the fleet drive the router.
type routing struct {
	router  *router.Router
	hosts   *hosts
	options *options
	log     *slog.Logger
}

var (
	_ fleet.Router = routing{}
	_ fleet.Demand = routing{}
)

func (r routing) route(s apprunner.Service, state router.State, reason string, scaling apprunner.Scaling, canary int) {
	asked := r.options.of(s)
	err := r.hosts.set(s, router.Route{
		ServiceID: s.ID, Name: s.Name,
		State: state, Reason: reason, MaxConcurrency: scaling.MaxConcurrency, MaxInstances: scaling.MaxSize, CanaryPercent: canary,
		RequestLimit: asked.RequestTimeout, HSTS: asked.HSTS, Allow: asked.AllowIPs, H2C: asked.Protocol == apprunner.ProtocolH2C,
	})
	if err != nil {
		r.log.Error("a route was not set", "service", s.Name, "error", err)
	}
}

// nobody is the scaling of a service that has no instances.
var nobody = apprunner.Scaling{MaxConcurrency: 1}

// Serve implements fleet.Router.
func (r routing) Serve(s apprunner.Service, scaling apprunner.Scaling, canary int, backends []fleet.Backend) {
	r.route(s, router.Serving, "", scaling, canary)
	set := make([]router.Instance, 0, len(backends))
	for _, b := range backends {
		set = append(set, router.Instance{ID: b.ID, Address: b.Address, Healthy: true, Asleep: b.Asleep, Canary: b.Canary, MaxConcurrency: b.MaxConcurrency})
	}
	if _, err := r.router.Switch(s.ID, set); err != nil {
		r.log.Error("instances were not routed", "service", s.Name, "error", err)
	}
}

// Hold implements fleet.Router.
func (r routing) Hold(s apprunner.Service, why fleet.Hold) {
	switch why {
	case fleet.HoldDeleted:
		r.hosts.remove(s)
	case fleet.HoldPaused:
		r.route(s, router.Paused, "", nobody, 0)
	case fleet.HoldFailed:
		r.route(s, router.Failed, "Its first deployment failed. Its events tell why.", nobody, 0)
	default:
		r.route(s, router.Pending, "Its first deployment is under way.", nobody, 0)
	}
}

// Drain implements fleet.Router.
func (r routing) Drain(ctx context.Context, serviceID, instanceID string) {
	if err := r.router.Drain(ctx, serviceID, instanceID); err != nil {
		r.log.Warn("requests were cut off", "service", serviceID, "instance", instanceID, "error", err)
	}
}

// Sleep implements fleet.Router.
func (r routing) Sleep(serviceID, instanceID string, quiet time.Duration) bool {
	return r.router.Sleep(serviceID, instanceID, quiet)
}

// Awake implements fleet.Router.
func (r routing) Awake(serviceID, instanceID string) { r.router.Awake(serviceID, instanceID) }

// Sample implements fleet.Demand.
func (r routing) Sample(serviceID string) (autoscale.Sample, bool) {
	s, ok := r.router.Sample(serviceID)
	return autoscale.Sample{
		Time: s.Time, Now: s.InFlight + s.Queued, Peak: s.Peak, Average: s.Average,
		Busy: s.Busy, Done: s.Done, Ready: s.Ready,
	}, ok
}

// Tallies implements fleet.Demand.
func (r routing) Tallies(serviceID string) (fleet.Tallies, bool) {
	s, ok := r.router.Stats(serviceID)
	t := fleet.Tallies{Service: tally(s.Service), Instances: map[string]trial.Tally{}, Bounds: router.LatencyBounds[:]}
	for id, instance := range s.Instances {
		t.Instances[id] = tally(instance.Tally)
	}
	return t, ok
}

func tally(t router.Tally) trial.Tally {
	return trial.Tally{Requests: t.Requests, Failed: t.Status[5], Latency: t.Latency.Buckets[:]}
}

// observer tells the fleet what the router finds out: that of this daemon, or of the one that took over.
// The fleet is made after the router.
type observer struct {
	succession *succession
	fleet      *fleet.Fleet
}

var _ router.Observer = (*observer)(nil)

func (o *observer) InstanceFailed(serviceID, instanceID string, _ error) {
	if !o.succession.pass(sayFailed, serviceID, instanceID) {
		o.fleet.InstanceFailed(serviceID, instanceID)
	}
}

func (o *observer) Demand(serviceID string) {
	if !o.succession.pass(sayDemand, serviceID, "") {
		o.fleet.Demanded(serviceID)
	}
}

func (o *observer) Wake(serviceID, instanceID string) {
	if !o.succession.pass(sayWake, serviceID, instanceID) {
		o.fleet.Wake(serviceID, instanceID)
	}
}
