package fleet

import (
	"context"
	"fmt"
	"time"

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
// of interrupted deployments are checked again, the rest is ended in the background. Then every
// service is served or held as the store says, and what is missing is started.
func (f *Fleet) Adopt(ctx context.Context, known []Known) error {
	instances, err := f.list(ctx)
	if err != nil {
		return fmt.Errorf("adopt running instances: %w", err)
	}
	services := make(map[string]Known, len(known))
	for _, k := range known {
		services[k.Service.ID] = k
	}
	for _, i := range instances {
		if k, ok := services[i.Labels[labelService]]; ok {
			f.group(k.Service).adopt(ctx, k, i)
			continue
		}
		f.log.Warn("an instance of no service is ended", "instance", i.ID)
		f.do(func() { f.persist("an instance was not ended", i.ID, func() error { return f.remove(f.ctx, i.ID) }) })
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

// listPatience is how long the engine may be away at the start.
const listPatience = 30 * time.Second

// list asks the engine until it answers.
func (f *Fleet) list(ctx context.Context) ([]engine.Instance, error) {
	ctx, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	for {
		instances, err := f.engine.List(ctx)
		if err == nil {
			return instances, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(firstRetry):
		}
	}
}

// adopt takes over one instance of the service. One that is not wanted is a member too while it is
// being ended, so that an operation that ends the service's instances waits for it.
func (g *group) adopt(ctx context.Context, k Known, i engine.Instance) {
	revision := apprunner.Revision{ID: i.Labels[labelRevision]}
	wanted, serves := false, false
	for _, r := range []*apprunner.Revision{k.Serving, k.Deploying} {
		if r != nil && r.ID == revision.ID {
			revision, wanted, serves = *r, true, r == k.Serving
		}
	}
	g.mu.Lock()
	m, life := g.newMemberLocked(i.ID, revision)
	m.address.Store(&i.Address)
	if !i.StartedAt.IsZero() {
		m.born = i.StartedAt
	}
	g.mu.Unlock()
	switch {
	case i.State == engine.Prepared:
		m.spare = true // ended by the next look at spares if nobody needs it
		g.fleet.do(func() { m.stand(life, nil) })
	case !wanted:
		m.ending.Store(true)
		m.served.Store(true) // the last daemon may still have requests on it
		close(m.ready)
		g.endInBackground(m)
	case i.State == engine.Frozen && serves && g.fleet.opts.Asked(k.Service).Idle == apprunner.IdleFreeze:
		m.asleep.Store(new(apprunner.IdleFreeze))
		m.adopted()
		g.fleet.do(func() { m.watch(life) })
	case !g.fleet.runs(ctx, i):
		m.abandon(i)
	case serves:
		// Taken to be healthy until a check says otherwise, since it may be all that serves.
		m.adopted()
		g.fleet.do(func() {
			m.settle() // the last daemon may have been killed before it did, or have throttled it
			m.watch(life)
		})
	default:
		// It has yet to show that it is healthy.
		g.fleet.do(func() {
			m.failed = m.becomeHealthy(life)
			m.becameReady()
			m.watch(life)
		})
	}
	g.fleet.log.Info("found an instance", "instance", i.ID, "service", k.Service.Name, "state", i.State, "goes on", !m.ending.Load())
}

// adopted lets an instance have traffic that had it before.
func (m *member) adopted() {
	m.served.Store(true)
	m.healthy.Store(true)
	close(m.ready)
}

// runs reports whether an instance runs, awake.
func (f *Fleet) runs(ctx context.Context, i engine.Instance) bool {
	switch i.State {
	case engine.Running:
		return true
	case engine.Frozen:
		err := f.engine.Thaw(ctx, i.ID)
		if err != nil {
			f.log.Warn("an instance was not thawed and is ended", "instance", i.ID, "error", err)
		}
		return err == nil
	default:
		return false
	}
}

// abandon ends an instance that would be wanted if it ran, and tells its service how it had died.
func (m *member) abandon(i engine.Instance) {
	m.ending.Store(true)
	close(m.ready)
	if i.Exit == nil {
		m.group.endInBackground(m)
		return
	}
	m.exit(*i.Exit)
	m.group.fleet.do(func() {
		m.group.fleet.journal.Event(m.group.serviceNow(), fmt.Sprintf("Instance %s ended while Slipway was not running. %s", m.id, m.exitFailure()))
		m.group.endInBackground(m)
	})
}
