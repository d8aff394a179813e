// Package operation runs durable operations step by step: create, update, deploy, pause, resume
// and delete.
//
// The step that comes next is recorded before it begins, together with what the last one changed,
// and every step can be done twice. So a daemon that was killed goes on where it was. An operation
// always ends: what the application did wrong fails it at once, and what the machine does wrong is
// tried again for a while first.
package operation

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build/plan"
	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/fleet"
	"github.com/slipway-run/slipway/internal/source"
)

// Store remembers operations.
type Store interface {
	Service(ctx context.Context, id string) (apprunner.Service, error)
	Revision(ctx context.Context, id string) (apprunner.Revision, error)
	Revisions(ctx context.Context, serviceID string) ([]apprunner.Revision, error)
	Scalings(ctx context.Context, here apprunner.Place) (apprunner.Scalings, error)
	Unfinished(ctx context.Context) ([]apprunner.Operation, error)
	Record(ctx context.Context, s apprunner.Service, o apprunner.Operation, r *apprunner.Revision) error
	DropRevisions(ctx context.Context, serviceID string, keep int, inUse ...string) error
}

// Sources finds images.
type Sources interface {
	Resolve(ctx context.Context, ref source.Reference) (source.Resolved, error)
	Endpoints(ctx context.Context, ref source.Reference) ([]engine.Endpoint, error)
}

// Images is the engine's store of images.
type Images interface {
	Pull(ctx context.Context, req engine.PullRequest) (engine.Image, error)
	KeepImages(ctx context.Context, names []string) error
}

// Fleet runs instances.
type Fleet interface {
	Deploy(ctx context.Context, s apprunner.Service, r apprunner.Revision) error
	Discard(ctx context.Context, s apprunner.Service, revisionID string) error
	Try(ctx context.Context, s apprunner.Service, r apprunner.Revision, percent int, until time.Time) (verdict string, err error)
	Serve(s apprunner.Service, r apprunner.Revision)
	Retire(ctx context.Context, s apprunner.Service) error
	Stop(ctx context.Context, s apprunner.Service, why fleet.Hold) error
}

// Journal records what happens, for the owner of the service.
type Journal interface {
	Event(s apprunner.Service, message string)
	Deployment(s apprunner.Service, operationID, message string)
	Build(s apprunner.Service, operationID string, phase plan.Phase, line string)
}

// Runner runs operations, those of different services side by side.
type Runner struct {
	Store   Store
	Sources Sources
	Builder Builder
	Images  Images
	Secrets Secrets // nil when no service can have any
	Fleet   Fleet
	Journal Journal
	Log     *slog.Logger
	Place   func(region string) apprunner.Place
	// Reference reads the ImageIdentifier of a configuration of a service in a Region.
	Reference func(spec apprunner.Spec, region string) (source.Reference, error)
	// Canary, if set, tells how a deployment of a service is to begin.
	Canary func(apprunner.Service) apprunner.Canary
	// Warnings, if set, tells what of a configuration this machine cannot give.
	Warnings func(apprunner.Spec) []string
	// Ended, if set, is told of every service whose operation ended.
	Ended func(serviceID string)
	// Recording and Recorded, if set, are told of every step before and after it is recorded, the
	// first step of a new operation also after. Tests use them to stop the daemon between any two
	// steps.
	Recording, Recorded func(apprunner.Operation)

	ctx     context.Context
	mu      sync.Mutex                         // held while work begins, so that none begins after Wait looked
	cancels map[string]context.CancelCauseFunc // by id, of the operations that run
	work    sync.WaitGroup
	pulling sync.RWMutex // held for reading while an image belongs to no revision yet
}

// Start goes on with the operations that an earlier daemon left, after it deleted the images that
// one had no time for. Submit may be called from then on, and not before: an operation would run
// twice.
func (r *Runner) Start(ctx context.Context) error {
	r.ctx = ctx
	unfinished, err := r.Store.Unfinished(ctx)
	if err != nil {
		return err
	}
	r.sweep(ctx)
	for _, o := range unfinished {
		r.Log.Info("going on with an operation", "operation", o.ID, "type", o.Type, "step", o.Step)
		r.Submit(o)
	}
	return nil
}

// Submit runs an operation that the store has. When the daemon ends, the next one does.
func (r *Runner) Submit(o apprunner.Operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() == nil {
		r.work.Go(func() { r.run(r.ctx, o) })
	}
}

// Wait returns when no operation is being worked on. When the context has ended, none begins.
func (r *Runner) Wait() {
	r.mu.Lock()   // for a Submit that looked at the context just before it ended
	r.mu.Unlock() //nolint:staticcheck // nothing is to be done in between
	r.work.Wait()
}

// Bounds of what is tried again.
const (
	patience   = 2 * time.Minute // for faults of the machine, per step
	firstRetry = 200 * time.Millisecond
	lastRetry  = 10 * time.Second
)

// run does the steps that are left.
func (r *Runner) run(ctx context.Context, o apprunner.Operation) {
	var service apprunner.Service
	err := r.insist(ctx, "the service of an operation was not read", o, func() (err error) {
		service, err = r.Store.Service(ctx, o.ServiceID)
		return err
	})
	if err != nil {
		return // the next daemon goes on
	}
	j := &job{Runner: r, service: service, operation: o}
	work, done := r.cancellable(ctx, o.ID)
	defer done()
	if o.Status == apprunner.OperationPending {
		tell(r.Recorded, o)
		j.announce()
	}
	for !j.operation.Status.Ended() {
		stepping := ctx
		if j.operation.Cancellable() {
			stepping = work
		}
		if err := j.persist(stepping); err != nil {
			if ctx.Err() != nil {
				return // the next daemon goes on
			}
			if why := cancelled(stepping); why != nil {
				err = why
			}
			j.fail(ctx, err)
		}
	}
	if r.Ended != nil {
		r.Ended(j.service.ID)
	}
}

func tell(hook func(apprunner.Operation), o apprunner.Operation) {
	if hook != nil {
		hook(o)
	}
}

// insist does what no operation can go on without, such as recording a step, until it works or ctx
// ends. To fail the operation instead would help nobody: that must be recorded too.
func (r *Runner) insist(ctx context.Context, complaint string, o apprunner.Operation, try func() error) error {
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		err := try()
		if err == nil || ctx.Err() != nil {
			return err
		}
		r.Log.Error(complaint+" and is tried again", "operation", o.ID, "type", o.Type, "step", o.Step, "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// persist does the present step, again and again while only the machine is at fault.
func (j *job) persist(ctx context.Context) error {
	deadline, pause := time.Now().Add(patience), firstRetry
	for {
		err := j.step(ctx)
		if err == nil || !passing(err) || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		j.Log.Warn("a step is tried again", "operation", j.operation.ID, "step", j.operation.Step, "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			pause = min(2*pause, lastRetry)
		}
	}
}
