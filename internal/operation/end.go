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
	_ = j.record(ctx, s, o, nil) // only fails with ctx
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
