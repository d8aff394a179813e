package fleet

import (
	"context"
	"fmt"
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

	crashes   int         // in a row, of the serving revision
	crashed   time.Time   // the last of them
	notBefore time.Time   // when an instance may be started again
	retry     *time.Timer // runs maintain then; nil when nothing waits
	load      autoscale.State
	rushed    time.Time // when the load was looked at last because the router said so
	limited   time.Time // when the load last needed more than MaxSize
	readings  readings  // empty unless the service scales by what its instances use
	usage     autoscale.Usage
	book      book
	marks     []mark  // of the serving revision, the oldest first
	canary    *canary // nil while one revision has all traffic
	watch     *watch  // nil once what serves has proved itself
	peak      int     // the most requests at a time that the last look at the load found

	previous      *apprunner.Revision // what a rollback would go to; nil for none
	previousKnown bool                // previous is not older than what serves
	spareAfter    time.Time           // no spare is made before
}

func (g *group) member(id string) *member {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.members[id]
}

// ofLocked returns the members of a revision that are meant to live, without spares.
func (g *group) ofLocked(revisionID string) []*member {
	var all []*member
	for _, m := range g.members {
		if m.revision.ID == revisionID && !m.spare && !m.ending.Load() {
			all = append(all, m)
		}
	}
	return all
}

// those returns the members that match, also those that are ending.
func (g *group) those(match func(*member) bool) []*member {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []*member
	for _, m := range g.members {
		if match(m) {
			all = append(all, m)
		}
	}
	return all
}

// Deploy starts instances of the revision beside what serves and returns when all of them are
// healthy. It starts as many as serve now, so that the switch finds the capacity the load needs;
// those that it has already count. A revision that has served before has proved itself: of that it
// waits for as many as the load needs, and the others may come later. What the application did wrong
// is a *Failure; the instances that were started stay until Discard.
func (f *Fleet) Deploy(ctx context.Context, service apprunner.Service, revision apprunner.Revision) error {
	g := f.group(service)
	g.mu.Lock()
	count := max(revision.Scaling.MinSize, min(g.want, revision.Scaling.MaxSize))
	for range count - len(g.ofLocked(revision.ID)) {
		g.launchLocked(revision)
	}
	members := g.ofLocked(revision.ID)
	enough := len(members)
	if revision.Served {
		enough = min(enough, max(1, (g.peak+revision.Scaling.MaxConcurrency-1)/revision.Scaling.MaxConcurrency))
	}
	g.mu.Unlock()
	if err := awaitHealthy(ctx, members, enough); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range members {
		if m.lost != nil {
			return m.lost // it was healthy for a moment
		}
	}
	return nil
}

// awaitHealthy returns when so many of the members are healthy, or one fails.
func awaitHealthy(ctx context.Context, members []*member, enough int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan error, len(members))
	for _, m := range members {
		go func() { results <- m.waitHealthy(ctx) }()
	}
	for range enough {
		if err := <-results; err != nil {
			return err
		}
	}
	return nil
}

// Discard ends the instances of a revision that does not serve.
func (f *Fleet) Discard(ctx context.Context, service apprunner.Service, revisionID string) error {
	g := f.group(service)
	g.mu.Lock()
	if g.canary != nil && g.canary.revision.ID == revisionID {
		g.canary = nil
	}
	g.mu.Unlock()
	return g.end(ctx, g.those(func(m *member) bool { return m.revision.ID == revisionID }))
}

// Serve makes the revision the one that gets traffic, and keeps it alive and scaled from now on.
func (f *Fleet) Serve(service apprunner.Service, revision apprunner.Revision) {
	g := f.group(service)
	if g.servesOther(revision.ID) {
		g.observe()
	}
	least := revision.Scaling.MinSize
	toZero := f.opts.Asked(service).ScaleToZeroAfter > 0
	g.mu.Lock()
	if g.serving == nil || g.serving.ID != revision.ID {
		g.previousKnown = false
		g.watchLocked(revision.ID)
	}
	g.serving, g.canary = &revision, nil
	g.crashes, g.notBefore, g.spareAfter = 0, time.Time{}, time.Time{}
	live := g.ofLocked(revision.ID)
	if toZero && len(live) == 0 {
		least = 0 // it was at zero when the last daemon ended: the next request starts it
	} else {
		g.load.Begun = time.Now()
	}
	g.want = min(max(least, len(live)), revision.Scaling.MaxSize)
	why := map[*member]error{}
	for _, m := range live {
		if m.lost != nil {
			why[m] = m.lost
		}
	}
	g.mu.Unlock()
	g.route()
	// Those that died between their health check and now were nobody's to replace until now.
	for m, err := range why {
		g.lose(m, err)
	}
	g.maintain()
}

// Retire drains and ends every instance that is not of the serving revision. A spare of the previous one
// may stay.
func (f *Fleet) Retire(ctx context.Context, service apprunner.Service) error {
	g := f.group(service)
	g.mu.Lock()
	serving := ""
	if g.serving != nil {
		serving = g.serving.ID
	}
	g.mu.Unlock()
	return g.end(ctx, g.those(func(m *member) bool { return m.revision.ID != serving && !m.spare }))
}

// Stop takes the service's traffic away and ends all its instances.
func (f *Fleet) Stop(ctx context.Context, service apprunner.Service, why Hold) error {
	g := f.group(service)
	g.mu.Lock()
	g.serving, g.want, g.previous, g.previousKnown = nil, 0, nil, false
	g.canary, g.watch, g.marks = nil, nil, nil
	g.mu.Unlock()
	f.router.Hold(service, why)
	if err := g.end(ctx, g.those(func(*member) bool { return true })); err != nil {
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
	backends := g.backendsLocked(g.serving.ID)
	share := 0
	if g.canary != nil {
		share = g.canary.percent
		for _, b := range g.backendsLocked(g.canary.revision.ID) {
			b.Canary, b.MaxConcurrency = true, g.canary.revision.Scaling.MaxConcurrency
			backends = append(backends, b)
		}
	}
	// What serves is the revision: while the service is updated, its own configuration is ahead.
	service := g.service
	service.Spec = g.serving.Spec
	g.fleet.router.Serve(service, g.serving.Scaling, share, backends)
}

// backendsLocked are the instances of a revision that can have requests.
func (g *group) backendsLocked(revisionID string) (all []Backend) {
	for _, m := range g.ofLocked(revisionID) {
		if m.healthy.Load() {
			all = append(all, m.backend())
		}
	}
	return all
}

func (g *group) servesOther(revisionID string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.serving != nil && g.serving.ID != revisionID
}

// endPatience is how long the engine may take to end an instance beyond what the instance may take
// itself.
const endPatience = time.Minute

// end has members drained and ended, all at once, and waits for it. When it returns an error, they
// are still being ended.
func (g *group) end(ctx context.Context, members []*member) error {
	for _, m := range members {
		m.ending.Store(true)
	}
	g.route()
	for _, m := range members {
		g.endInBackground(m)
	}
	f := g.fleet
	timeout := time.NewTimer(f.opts.DrainTimeout + f.opts.StopGrace + endPatience)
	defer timeout.Stop()
	for _, m := range members {
		select {
		case <-m.ended:
		case <-ctx.Done():
			return ctx.Err()
		case <-f.ctx.Done():
			return f.ctx.Err()
		case <-timeout.C:
			return fmt.Errorf("instance %s does not end; the engine's log tells why", m.id)
		}
	}
	return nil
}
