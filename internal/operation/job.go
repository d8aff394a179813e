package operation

import (
	"context"
	"errors"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/fleet"
)

// job is one operation while it runs.
type job struct {
	*Runner
	service   apprunner.Service
	operation apprunner.Operation
}

// step does the present step and records the next one.
func (j *job) step(ctx context.Context) error {
	switch j.operation.Step {
	case apprunner.StepResolve:
		return j.resolve(ctx)
	case apprunner.StepPull:
		return j.pull(ctx)
	case apprunner.StepProvision:
		return j.provision(ctx)
	case apprunner.StepRoute:
		return j.route(ctx)
	case apprunner.StepDrain:
		return j.drain(ctx)
	case apprunner.StepStop:
		return j.stop(ctx)
	case apprunner.StepForget:
		return j.forget(ctx)
	case apprunner.StepRollback:
		return j.rollback(ctx)
	default:
		return j.succeed(ctx)
	}
}

// advance records that the present step is done.
func (j *job) advance(ctx context.Context, revision *apprunner.Revision) error {
	return j.record(ctx, j.service, apprunner.Advance(j.operation, time.Now()), revision)
}

func (j *job) record(ctx context.Context, s apprunner.Service, o apprunner.Operation, r *apprunner.Revision) error {
	if err := j.Store.Record(ctx, s, o, r); err != nil {
		return err
	}
	j.service, j.operation = s, o
	if j.Recorded != nil {
		j.Recorded(o)
	}
	return nil
}

// fail turns the operation to rolling back. When even the rollback failed it is tried again at the
// next start of the daemon.
func (j *job) fail(ctx context.Context, cause error) {
	reason := reasonOf(cause)
	j.Log.Info("an operation fails", "operation", j.operation.ID, "step", j.operation.Step, "reason", cause)
	switch {
	case j.operation.Step == apprunner.StepRollback:
		j.endRollback(ctx)
		return
	case j.settled():
		j.goOn(ctx, cause)
		return
	}
	j.explain(cause, reason)
	if err := j.record(ctx, j.service, apprunner.Fail(j.operation, reason, time.Now()), nil); err != nil {
		j.Log.Error("a failure was not recorded", "operation", j.operation.ID, "error", err)
		j.operation = apprunner.Fail(j.operation, reason, time.Now())
	}
}

// passing reports whether an error may be gone at the next try.
func passing(err error) bool {
	if _, ok := errors.AsType[*fleet.Failure](err); ok {
		return false
	}
	if _, ok := errors.AsType[*apprunner.Error](err); ok {
		return false
	}
	for _, code := range []engine.Code{
		engine.ImageNotFound, engine.AccessDenied, engine.WrongArchitecture, engine.BadImage, engine.DiskFull,
		engine.Unavailable, // the source has tried again by itself
	} {
		if engine.Is(err, code) {
			return false
		}
	}
	return true
}

// reasonOf is what the owner of the service is told.
func reasonOf(err error) string {
	if _, ok := errors.AsType[*fleet.Failure](err); ok {
		return err.Error()
	}
	if _, ok := errors.AsType[*engine.Error](err); ok {
		return err.Error()
	}
	if _, ok := errors.AsType[*apprunner.Error](err); ok {
		return err.Error()
	}
	return "Slipway could not do it, and tried for " + patience.String() + ": " + err.Error()
}
