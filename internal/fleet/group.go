package fleet

import (
	"context"
	"sync"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/autoscale"
)

// group is the instances of one service.
type group struct {
	fleet *Fleet

	mu      sync.Mutex
	service apprunner.Service
	serving *apprunner.Revision // what gets traffic; nil while the service has none
	want    int                 // instances of the serving revision
	members map[string]*member  // by instance id; prepared, running or ending

	crashes int         // in a row, of the serving revision
	retry   *time.Timer // runs maintain after a pause because of crashes
	load    autoscale.State
}

func (g *group) member(id string) *member {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.members[id]
}

// of returns the members of a revision that are meant to live.
func (g *group) of(revisionID string) []*member {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ofLocked(revisionID)
}

func (g *group) ofLocked(revisionID string) []*member {
	var all []*member
	for _, m := range g.members {
		if m.revision.ID == revisionID && !m.ending.Load() {
			all = append(all, m)
		}
	}
	return all
}

// Deploy starts instances of the revision beside what serves and returns when all of them are
// healthy. It starts as many as serve now, so that the switch finds the capacity the load needs.
// What the application did wrong is a *Failure; the instances that were started stay until Discard.
func (f *Fleet) Deploy(ctx context.Context, service apprunner.Service, revision apprunner.Revision) error {
	g := f.group(service)
	g.mu.Lock()
	count := max(revision.Scaling.MinSize, min(g.want, revision.Scaling.MaxSize))
	for range count - len(g.ofLocked(revision.ID)) {
		g.addLocked(revision)
	}
	g.mu.Unlock()
	members := g.of(revision.ID)
	for _, m := range members {
		if err := m.waitHealthy(ctx); err != nil {
			return err
		}
	}
	return g.firstDeath(members)
}

// firstDeath tells why one of the members is of no use any more, if any: it may have died while
// others were waited for.
func (g *group) firstDeath(members []*member) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range members {
		if m.dead != nil {
			return m.dead
		}
	}
	return nil
}

// Discard ends the instances of a revision that does not serve.
func (f *Fleet) Discard(ctx context.Context, service apprunner.Service, revisionID string) error {
	g := f.group(service)
	return g.end(ctx, g.of(revisionID))
}

// Serve makes the revision the one that gets traffic, and keeps it alive and scaled from now on.
func (f *Fleet) Serve(service apprunner.Service, revision apprunner.Revision) {
	g := f.group(service)
	g.mu.Lock()
	g.serving = &revision
	g.crashes = 0
	g.want = max(revision.Scaling.MinSize, len(g.ofLocked(revision.ID)))
	g.want = min(g.want, revision.Scaling.MaxSize)
	for _, m := range g.ofLocked(revision.ID) {
		if m.dead != nil { // since its deployment or its adoption
			m.ending.Store(true)
			g.endInBackground(m)
		}
	}
	g.mu.Unlock()
	g.route()
	g.maintain()
}

// Retire drains and ends every instance that is not of the serving revision.
func (f *Fleet) Retire(ctx context.Context, service apprunner.Service) error {
	g := f.group(service)
	g.mu.Lock()
	var old []*member
	for _, m := range g.members {
		if g.serving == nil || m.revision.ID != g.serving.ID {
			old = append(old, m)
		}
	}
	g.mu.Unlock()
	return g.end(ctx, old)
}

// Stop takes the service's traffic away and ends all its instances.
func (f *Fleet) Stop(ctx context.Context, service apprunner.Service, why Hold) error {
	g := f.group(service)
	g.mu.Lock()
	g.serving, g.want = nil, 0
	g.mu.Unlock()
	f.router.Hold(service, why)
	if err := f.Retire(ctx, service); err != nil {
		return err
	}
	if why == HoldDeleted {
		f.mu.Lock()
		delete(f.groups, service.ID)
		f.mu.Unlock()
	}
	return nil
}

// route tells the router which instances get requests.
func (g *group) route() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.serving == nil {
		return
	}
	var backends []Backend
	for _, m := range g.ofLocked(g.serving.ID) {
		if m.healthy.Load() {
			backends = append(backends, m.backend())
		}
	}
	g.fleet.router.Serve(g.service, g.serving.Scaling.MaxConcurrency, backends)
}

// end drains and ends members, all at once.
func (g *group) end(ctx context.Context, members []*member) error {
	for _, m := range members {
		m.ending.Store(true)
	}
	g.route()
	errs := make(chan error, len(members))
	for _, m := range members {
		go func() { errs <- m.end(ctx) }()
	}
	var first error
	for range members {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}
