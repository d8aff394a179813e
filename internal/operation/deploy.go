package operation

import (
	"context"
	"fmt"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/fleet"
	"github.com/slipway-run/slipway/internal/source"
)

// keptRevisions is how many revisions of a service stay, to go back to.
const keptRevisions = 10

// resolve pins the digest of the image and makes the revision.
func (j *job) resolve(ctx context.Context) error {
	if j.operation.Builds {
		return j.resolveCode(ctx)
	}
	j.deployment("Starting to pull your application image.")
	ref, err := j.reference()
	if err != nil {
		return err
	}
	j.warn()
	resolved, err := j.Sources.Resolve(ctx, ref)
	if err != nil {
		return err
	}
	revision, err := j.newRevision(ctx, resolved.Digest)
	if err != nil {
		return err
	}
	next := apprunner.Advance(j.operation, time.Now())
	next.RevisionID = revision.ID
	return j.record(ctx, j.service, next, &revision)
}

// warn tells what of the configuration this machine cannot give.
func (j *job) warn() {
	if j.Warnings == nil {
		return
	}
	for _, warning := range j.Warnings(j.service.Spec) {
		j.event("Warning: %s", warning)
	}
}

func (j *job) reference() (source.Reference, error) {
	return j.Reference(j.service.Spec, j.service.Region)
}

func (j *job) newRevision(ctx context.Context, digest string) (apprunner.Revision, error) {
	last, err := j.Store.Revisions(ctx, j.service.ID)
	if err != nil {
		return apprunner.Revision{}, err
	}
	here := j.Place(j.service.Region)
	scalings, err := j.Store.Scalings(ctx, here)
	if err != nil {
		return apprunner.Revision{}, err
	}
	scaling, err := scalings.Find(j.service.Spec.ScalingARN, here)
	if err != nil {
		return apprunner.Revision{}, err
	}
	number := 1
	if len(last) > 0 {
		number = last[0].Number + 1
	}
	return apprunner.Revision{
		ID: apprunner.NewID(), ServiceID: j.service.ID, Number: number,
		Spec: j.service.Spec, Scaling: scaling.Scaling, Digest: digest, CreatedAt: time.Now(),
	}, nil
}

// pull brings the image of the revision to the engine, and resolves its secrets.
func (j *job) pull(ctx context.Context) error {
	revision, err := j.Store.Revision(ctx, j.operation.RevisionID)
	if err == nil {
		revision, err = j.resolveSecrets(ctx, revision)
	}
	if err != nil {
		return err
	}
	ref, err := j.Reference(revision.Spec, j.service.Region)
	if err != nil {
		return err
	}
	if revision.Commit == nil {
		j.event("Pulling image %s from %s repository.", revision.Spec.Image.Identifier, repositoryName(ref))
	}
	j.pulling.RLock()
	defer j.pulling.RUnlock()
	image, err := j.bring(ctx, ref, revision, j.progress())
	if err != nil {
		return err
	}
	revision.Image = image.Name
	if revision.Commit == nil {
		j.event("Successfully pulled image from %s.", repositoryName(ref))
		j.deployment("Successfully pulled your application image from %s.", repositoryName(ref))
	}
	return j.advance(ctx, &revision)
}

// Fetch brings the image of a revision to an engine that has lost it. The revision keeps it from being
// swept.
func (r *Runner) Fetch(ctx context.Context, service apprunner.Service, revision apprunner.Revision) error {
	ref, err := r.Reference(revision.Spec, service.Region)
	if err == nil {
		_, err = r.bring(ctx, ref, revision, nil)
	}
	return err
}

// bring pulls the image of a revision.
func (r *Runner) bring(ctx context.Context, ref source.Reference, revision apprunner.Revision, progress func(engine.Progress)) (engine.Image, error) {
	endpoints, err := r.Sources.Endpoints(ctx, ref)
	if err != nil {
		return engine.Image{}, err
	}
	return r.Images.Pull(ctx, engine.PullRequest{
		Host: ref.Host, Repository: ref.Repository, Digest: revision.Digest, Endpoints: endpoints, Progress: progress,
	})
}

func repositoryName(ref source.Reference) string {
	switch {
	case ref.Public:
		return "ECR Public"
	case ref.Embedded:
		return "ECR"
	default:
		return ref.Host
	}
}

// progress writes how far a pull is, at most every two seconds.
func (j *job) progress() func(engine.Progress) {
	var last time.Time
	return func(p engine.Progress) {
		if time.Since(last) < 2*time.Second || p.Bytes == 0 {
			return
		}
		last = time.Now()
		j.deployment("Pulling your application image: %d of %d layers, %.1f of %.1f MB.",
			p.LayersDone, p.Layers, float64(p.BytesDone)/1e6, float64(p.Bytes)/1e6)
	}
}

// provision starts instances of the revision and waits until they are healthy.
func (j *job) provision(ctx context.Context) error {
	revision, err := j.Store.Revision(ctx, j.operation.RevisionID)
	if err != nil {
		return err
	}
	j.deployment("Starting to deploy your %s.", j.artifact())
	access := "publicly"
	if revision.Spec.Network.Private {
		access = "privately"
	}
	j.event("Provisioning instances and deploying image for %s accessible service.", access)
	j.event("%s", checking(revision.Spec))
	if err := j.launch(ctx, revision); err != nil {
		return err
	}
	j.event("Health check is successful. Routing traffic to application.")
	o, now := j.operation, time.Now()
	if j.Canary != nil {
		o = apprunner.BeginCanary(j.service, o, j.Canary(j.service), now)
	}
	return j.record(ctx, j.service, apprunner.Advance(o, now), nil)
}

// launch has healthy instances of the revision.
func (j *job) launch(ctx context.Context, revision apprunner.Revision) error {
	err := j.Fleet.Deploy(ctx, j.service, revision)
	if err != nil && passing(err) && ctx.Err() == nil {
		// What half started must not be taken for an instance of the next try.
		return fmt.Errorf("%w%s", err, suffix(j.Fleet.Discard(ctx, j.service, revision.ID)))
	}
	return err
}

func suffix(err error) string {
	if err == nil {
		return ""
	}
	return " (and then: " + err.Error() + ")"
}

func checking(spec apprunner.Spec) string {
	if spec.Health.Protocol == apprunner.HealthHTTP {
		return fmt.Sprintf("Performing health check on path '%s' and port '%d'.", spec.Health.Path, spec.Image.Port)
	}
	return fmt.Sprintf("Performing health check on protocol `TCP` [Port: '%d'].", spec.Image.Port)
}

// route sends traffic to the revision. From here on it is the one that a new daemon serves.
func (j *job) route(ctx context.Context) error {
	revision, err := j.Store.Revision(ctx, j.operation.RevisionID)
	if err != nil {
		return err
	}
	// Its instances may have ended since, if the daemon or the machine has: traffic must not leave
	// what serves for nothing.
	if err := j.launch(ctx, revision); err != nil {
		return err
	}
	j.Fleet.Serve(j.service, revision)
	j.event("Successfully routed incoming traffic to application.")
	s := j.service
	s.RevisionID, revision.Served, revision.ServedAt = revision.ID, true, time.Now()
	return j.record(ctx, s, apprunner.Advance(j.operation, time.Now()), &revision)
}

// drain ends the instances of older revisions when their requests are answered.
func (j *job) drain(ctx context.Context) error {
	if err := j.Fleet.Retire(ctx, j.service); err != nil {
		return err
	}
	if err := j.dropOld(ctx); err != nil {
		return err
	}
	return j.advance(ctx, nil)
}

// dropOld deletes the oldest revisions. The one that serves stays, and the one that a rollback would go
// to, however many were made since that served and came to nothing.
func (j *job) dropOld(ctx context.Context) error {
	all, err := j.Store.Revisions(ctx, j.service.ID)
	if err != nil {
		return err
	}
	needed := []string{j.service.RevisionID}
	if older, err := apprunner.Older(j.service, all, 0); err == nil {
		needed = append(needed, older.ID)
	}
	return j.Store.DropRevisions(ctx, j.service.ID, keptRevisions, needed...)
}

// stop ends every instance of a service that is paused or deleted.
func (j *job) stop(ctx context.Context) error {
	why := fleet.HoldPaused
	if j.operation.Type == apprunner.DeleteService {
		why = fleet.HoldDeleted
	}
	if err := j.Fleet.Stop(ctx, j.service, why); err != nil {
		return err
	}
	return j.advance(ctx, nil)
}

// forget deletes the revisions and images of a deleted service. Its description and logs stay for a
// while.
func (j *job) forget(ctx context.Context) error {
	if err := j.Store.DropRevisions(ctx, j.service.ID, 0); err != nil {
		return err
	}
	return j.advance(ctx, nil)
}

// rollback ends what the failed operation started.
func (j *job) rollback(ctx context.Context) error {
	if j.operation.Status == apprunner.OperationRollbackInProgress {
		// Traffic goes to the older revision before the new one ends: it may have been routed already.
		revision, err := j.Store.Revision(ctx, j.service.RevisionID)
		if err != nil {
			return err
		}
		j.Fleet.Serve(j.service, revision)
	}
	if j.operation.RevisionID != "" && j.operation.RevisionID != j.service.RevisionID {
		if err := j.Fleet.Discard(ctx, j.service, j.operation.RevisionID); err != nil {
			return err
		}
	}
	if err := j.afterRollback(ctx); err != nil {
		return err
	}
	// Deployments that keep failing, as automatic ones may, must not pile up.
	if err := j.dropOld(ctx); err != nil {
		return err
	}
	s, o := apprunner.RolledBack(j.service, j.operation, time.Now())
	j.concluded(s, o)
	if err := j.record(ctx, s, o, nil); err != nil {
		return err
	}
	j.sweep(ctx)
	return nil
}
