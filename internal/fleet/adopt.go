package fleet

import (
	"context"
	"fmt"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/engine"
)

// Known is a service as the store has it when the daemon starts.
type Known struct {
	Service   apprunner.Service
	Serving   *apprunner.Revision // nil when it has no traffic
	Deploying *apprunner.Revision // of an operation that goes on, if any
	Hold      Hold                // why it has no traffic, without Serving
}

// Adopt takes over the instances that run: those of serving revisions get traffic at once, those
// of interrupted deployments are checked again, the rest is ended. Then every service is served or
// held as the store says.
func (f *Fleet) Adopt(ctx context.Context, known []Known) error {
	instances, err := f.engine.List(ctx)
	if err != nil {
		return fmt.Errorf("adopt running instances: %w", err)
	}
	services := make(map[string]Known, len(known))
	for _, k := range known {
		services[k.Service.ID] = k
	}
	for _, i := range instances {
		if !f.adopt(services[i.Labels[labelService]], i) {
			f.clear(ctx, services[i.Labels[labelService]].Service, i)
		}
	}
	for _, k := range known {
		if k.Serving != nil {
			f.Serve(k.Service, *k.Serving)
		} else if k.Hold != HoldDeleted {
			f.router.Hold(k.Service, k.Hold)
		}
	}
	return nil
}

// adopt takes over one instance and reports whether it is wanted.
func (f *Fleet) adopt(k Known, i engine.Instance) bool {
	if i.State != engine.Running && i.State != engine.Frozen {
		return false
	}
	revision := i.Labels[labelRevision]
	switch {
	case k.Serving != nil && k.Serving.ID == revision:
		f.group(k.Service).adopt(i, *k.Serving)
	case k.Deploying != nil && k.Deploying.ID == revision:
		f.group(k.Service).readopt(i, *k.Deploying)
	default:
		return false
	}
	f.log.Info("adopted an instance", "instance", i.ID, "service", k.Service.Name)
	return true
}

// clear removes an instance that nobody wants, and tells its service when it had died.
func (f *Fleet) clear(ctx context.Context, service apprunner.Service, i engine.Instance) {
	if i.Exit != nil && service.ID != "" {
		f.journal.Event(service, fmt.Sprintf("Instance %s had ended while Slipway was not running. Container exit code: %d", i.ID, i.Exit.Code))
	}
	if err := f.engine.Remove(ctx, i.ID); err != nil {
		f.log.Error("an unwanted instance was not removed", "instance", i.ID, "error", err)
	}
}
