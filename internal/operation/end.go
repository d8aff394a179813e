package operation

import (
	"context"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/fleet"
)

// succeed ends the operation well.
func (j *job) succeed(ctx context.Context) error {
	s, o := apprunner.Succeed(j.service, j.operation, time.Now())
	j.concluded(s, o)
	if err := j.record(ctx, s, o, nil); err != nil {
		return err
	}
	j.sweep(ctx)
	return nil
}

// settled reports whether the new revision serves by now, so that there is nothing to take back.
func (j *job) settled() bool {
	return j.operation.Type.Deploys() && (j.operation.Step == apprunner.StepDrain || j.operation.Step == apprunner.StepDone)
}

// goOn ends a settled operation well although something is left to do: the next daemon ends instances
// of older revisions, or, when the store is of no use now, finds the operation unfinished.
func (j *job) goOn(ctx context.Context, cause error) {
	j.Log.Error("an operation ends with something left to do", "operation", j.operation.ID, "step", j.operation.Step, "error", cause)
	if j.operation.Step == apprunner.StepDone {
		_, j.operation = apprunner.Succeed(j.service, j.operation, time.Now())
		return
	}
	if err := j.advance(ctx, nil); err != nil {
		j.operation = apprunner.Advance(j.operation, time.Now())
	}
}

// afterRollback brings traffic to what the service is again.
func (j *job) afterRollback(ctx context.Context) error {
	switch o := j.operation; {
	case o.Type == apprunner.PauseService:
		revision, err := j.Store.Revision(ctx, j.service.RevisionID)
		if err != nil {
			return err
		}
		j.Fleet.Serve(j.service, revision)
		return nil
	case o.Type == apprunner.ResumeService:
		return j.Fleet.Stop(ctx, j.service, fleet.HoldPaused)
	case o.Type == apprunner.CreateService || o.Rebuild:
		return j.Fleet.Stop(ctx, j.service, fleet.HoldFailed)
	default:
		return nil
	}
}

// endRollback ends an operation whose rollback fails as well.
func (j *job) endRollback(ctx context.Context) {
	s, o := apprunner.RolledBack(j.service, j.operation, time.Now())
	if o.Status == apprunner.OperationRollbackSucceeded {
		o.Status = apprunner.OperationRollbackFailed
	}
	j.concluded(s, o)
	if err := j.record(ctx, s, o, nil); err != nil {
		// The store is of no use now. The next daemon finds the operation unfinished.
		j.Log.Error("an operation could not be ended", "operation", o.ID, "error", err)
		j.operation = o
	}
}

// sweep deletes images that no revision needs. While an image is being pulled it waits for the end
// of another operation, as that image belongs to no revision yet.
func (r *Runner) sweep(ctx context.Context) {
	if !r.pulling.TryLock() {
		return
	}
	defer r.pulling.Unlock()
	revisions, err := r.Store.Revisions(ctx, "")
	if err == nil {
		var names []string
		for _, revision := range revisions {
			if revision.Image != "" {
				names = append(names, revision.Image)
			}
		}
		err = r.Images.KeepImages(ctx, names)
	}
	if err != nil && ctx.Err() == nil {
		r.Log.Warn("unused images were not deleted", "error", err)
	}
}
