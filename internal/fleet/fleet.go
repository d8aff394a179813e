// Package fleet keeps the instances of every service: it starts them, checks them, tells the
// router about them, replaces those that die, scales them and ends them.
//
// What should run is given by operations (Deploy, Serve, Retire, Stop) and by the autoscaler; what
// runs is read from the engine. Instances carry the ids of their service and revision as labels,
// so that a new daemon adopts the instances of the last one as they are.
package fleet

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/autoscale"
	"github.com/slipway-run/slipway/internal/engine"
)

// Labels of an instance.
const (
	labelService  = "slipway.service"
	labelRevision = "slipway.revision"
)

// Router sends requests to instances.
type Router interface {
	// Serve makes the instances the only ones that get new requests of the service. Canaries among
	// them get so many of a hundred, and the others all the rest.
	Serve(service apprunner.Service, scaling apprunner.Scaling, canaryPercent int, instances []Backend)
	// Hold takes the service's traffic away: requests are answered with a page that says why.
	Hold(service apprunner.Service, why Hold)
	// Drain returns when the instance, already out of Serve, has no request left or ctx ends.
	Drain(ctx context.Context, serviceID, instanceID string)
	// Sleep keeps requests from an instance that has had none for so long, until Awake: when one comes,
	// Fleet.Wake is told. It reports whether it does.
	Sleep(serviceID, instanceID string, quiet time.Duration) bool
	Awake(serviceID, instanceID string)
}

// Demand tells the load of a service.
type Demand interface {
	// Sample returns what happened since the last call for the service; false when it has none.
	Sample(serviceID string) (autoscale.Sample, bool)
	// Tallies returns what was counted so far; false when there is no such service.
	Tallies(serviceID string) (Tallies, bool)
}

// Backend is an instance that the router can send requests to.
type Backend struct {
	ID      string
	Address netip.AddrPort
	Asleep  bool // of one that the router does not have yet: Fleet.Wake is told before it gets requests
	Canary  bool // it gets its share only

	MaxConcurrency int // of this instance alone; 0 for that of the service
}

// Hold is why a service gets no traffic.
type Hold string

// The reasons to hold traffic.
const (
	HoldStarting Hold = "starting" // requests wait
	HoldPaused   Hold = "paused"
	HoldFailed   Hold = "failed"
	HoldDeleted  Hold = "deleted" // the host is unknown again
)

// Journal records what happens to a service.
type Journal interface {
	Event(service apprunner.Service, message string)
	// Scaled keeps a decision of the autoscaler.
	Scaled(service apprunner.Service, decision autoscale.Record)
	// Started tells that the engine has the instance now, so that its output can be read.
	Started(service apprunner.Service, instanceID string)
	// Ended tells that the instance is gone, all but its output.
	Ended(service apprunner.Service, instanceID string)
}

// Options bounds what the fleet waits for. Zero members take App Runner's values.
type Options struct {
	StartTimeout time.Duration // for an instance to become healthy
	DrainTimeout time.Duration // for requests in flight when an instance is retired
	StopGrace    time.Duration // between SIGTERM and SIGKILL
	IdleAfter    time.Duration // of low load before instances are removed

	ThrottleAfter time.Duration // without a request before an instance is throttled; 1 s
	FreezeAfter   time.Duration // without a request before an instance is frozen; 5 s
	Spares        int           // the most spares of all services together; 0 for none
	// Previous tells which revision a rollback of a service would go to; nil for none.
	Previous func(service apprunner.Service, serving string) *apprunner.Revision

	// Egress tells what an instance may connect to; nil, or a nil answer, for no limit.
	Egress func(apprunner.Network) *engine.Egress
	// Fetch, if set, brings the image of a revision to the engine again, which has lost it.
	Fetch func(context.Context, apprunner.Service, apprunner.Revision) error
	// Role is what an instance of a revision with an instance role is told; nil for nothing.
	Role func(instanceID string, s apprunner.Service, r apprunner.Revision) Variables
	// Did is told of each start and each wake of an instance, when it is over; nil for nobody. It must be quick.
	Did func(Deed)
	// Asked tells what a service wants beyond App Runner now; nil for nothing. It is asked often.
	Asked func(apprunner.Service) apprunner.Options
	// Worse is told that a revision which has served for minutes only does worse than the one before,
	// again and again while that is so; nil to let it serve.
	Worse func(service apprunner.Service, revisionID, previousID, reason string)
}

// Fleet keeps the instances of all services.
type Fleet struct {
	engine  engine.Engine
	router  Router
	demand  Demand
	journal Journal
	log     *slog.Logger
	opts    Options

	demanded *mailbox[string] // ids of services whose load wants to be looked at now
	needed   *mailbox[nap]    // instances that sleep and are to wake
	starting atomic.Int32     // instances that are being started
	probe    prober

	ctx  context.Context // what instances' watchers live by
	life sync.Mutex      // guards over
	over bool            // nothing new begins
	work sync.WaitGroup

	mu     sync.Mutex
	groups map[string]*group // by service id
}

// New makes a fleet. It does nothing before Adopt and Run. ctx is its life: when it ends, the fleet
// lets go of the instances, which go on running.
func New(ctx context.Context, e engine.Engine, r Router, d Demand, j Journal, log *slog.Logger, opts Options) *Fleet {
	if opts.StartTimeout == 0 {
		opts.StartTimeout = apprunner.StartTimeout
	}
	if opts.DrainTimeout == 0 {
		opts.DrainTimeout = apprunner.RequestTimeout
	}
	if opts.StopGrace == 0 {
		opts.StopGrace = 30 * time.Second
	}
	if opts.IdleAfter == 0 {
		opts.IdleAfter = autoscale.DefaultStableWindow
	}
	if opts.ThrottleAfter == 0 {
		opts.ThrottleAfter = time.Second
	}
	if opts.FreezeAfter == 0 {
		opts.FreezeAfter = 5 * time.Second
	}
	if opts.Asked == nil {
		opts.Asked = func(apprunner.Service) apprunner.Options { return apprunner.OptionsOf(nil) }
	}
	return &Fleet{
		engine: e, router: r, demand: d, journal: j, log: log, opts: opts, ctx: ctx,
		groups: map[string]*group{}, demanded: newMailbox[string](), needed: newMailbox[nap](), probe: probe,
	}
}

// Run follows the engine's events and the services' load until the fleet's context ends. It
// returns when nothing of the fleet works any more.
func (f *Fleet) Run() {
	f.do(f.followEvents)
	f.do(f.followLoad)
	f.do(f.followNeeded)
	f.do(func() { f.every(restEvery, (*group).rest) })
	f.do(f.followSpares)
	f.do(func() { f.every(measureEvery, (*group).measure) })
	f.do(f.followTrials)
	<-f.ctx.Done()
	f.life.Lock()
	f.over = true
	f.life.Unlock()
	f.work.Wait()
}

// do runs work in a goroutine that Run waits for. When the fleet is over, it does nothing: whoever
// waits for the work sees the fleet's context end.
func (f *Fleet) do(work func()) {
	f.life.Lock()
	defer f.life.Unlock()
	if !f.over {
		f.work.Go(work)
	}
}

// every does something for each service, now and then, until the fleet's context ends.
func (f *Fleet) every(pause time.Duration, do func(*group)) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		select {
		case <-f.ctx.Done():
			return
		case <-ticker.C:
			for _, g := range f.all() {
				do(g)
			}
		}
	}
}

// group returns the group of a service, making it when there is none.
func (f *Fleet) group(service apprunner.Service) *group {
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.groups[service.ID]
	if g == nil {
		g = &group{fleet: f, members: map[string]*member{}, load: autoscale.State{Window: autoscale.NewWindow(f.opts.IdleAfter)}}
		f.groups[service.ID] = g
	}
	g.mu.Lock()
	g.service = service
	g.mu.Unlock()
	return g
}

// lookup returns the group of a service, nil when there is none.
func (f *Fleet) lookup(serviceID string) *group {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.groups[serviceID]
}

func (f *Fleet) all() []*group {
	f.mu.Lock()
	defer f.mu.Unlock()
	groups := make([]*group, 0, len(f.groups))
	for _, g := range f.groups {
		groups = append(groups, g)
	}
	return groups
}

// followEvents hands the engine's events to the instances they are about.
func (f *Fleet) followEvents() {
	for event := range f.engine.Events(f.ctx) {
		if event.Exit == nil {
			continue
		}
		for _, g := range f.all() {
			if m := g.member(event.ID); m != nil {
				m.exit(*event.Exit)
			}
		}
	}
}

// Retagged is told that the options of a service have changed.
func (f *Fleet) Retagged(serviceID string) {
	if g := f.lookup(serviceID); g != nil {
		g.route()
		f.Demanded(serviceID)
	}
}

// InstanceFailed is told by the router that a request could not be delivered. The instance is
// checked at once instead of at its next interval.
func (f *Fleet) InstanceFailed(serviceID, instanceID string) {
	g := f.lookup(serviceID)
	if g == nil {
		return
	}
	if m := g.member(instanceID); m != nil {
		m.checkNow()
	}
}
