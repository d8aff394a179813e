package operation

import (
	"context"
	"errors"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build/plan"
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
	case apprunner.StepBuild:
		return j.build(ctx)
	case apprunner.StepPull:
		return j.pull(ctx)
	case apprunner.StepProvision:
		return j.provision(ctx)
	case apprunner.StepCanary:
		return j.canary(ctx)
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

// record stores where the operation is. The error is that of ctx.
func (j *job) record(ctx context.Context, s apprunner.Service, o apprunner.Operation, r *apprunner.Revision) error {
	tell(j.Recording, o)
	err := j.insist(ctx, "a step was not recorded", o, func() error { return j.Store.Record(ctx, s, o, r) })
	if err != nil {
		return err
	}
	j.service, j.operation = s, o
	tell(j.Recorded, o)
	return nil
}

// fail turns the operation to rolling back, and ends it when it was already. It does nothing when
// ctx ends: then the next daemon goes on.
func (j *job) fail(ctx context.Context, cause error) {
	reason := reasonOf(cause)
	j.Log.Info("a step fails", "operation", j.operation.ID, "type", j.operation.Type, "step", j.operation.Step, "reason", cause)
	switch j.operation.Step {
	case apprunner.StepRollback:
		j.endRollback(ctx)
	case apprunner.StepDrain:
		// The new revision serves, and the old one may be gone: there is no way back. The fleet goes
		// on ending what is left.
		_ = j.advance(ctx, nil)
	default:
		j.explain(cause, reason)
		_ = j.record(ctx, j.service, apprunner.Fail(j.operation, reason, time.Now()), nil)
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
	if _, ok := errors.AsType[*plan.Failure](err); ok {
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
	if _, ok := errors.AsType[*plan.Failure](err); ok {
		return err.Error()
	}
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
