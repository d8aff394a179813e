package daemon

import (
	"context"
	"os"
	"syscall"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/source"
)

// pushed is told that a tag of the embedded registry moved.
func (d *Daemon) pushed(repository, tag, _ string) {
	if err := d.repositories.Pushed(d.ctx, repository); err != nil {
		d.log.Warn("a repository was not noted: its time of creation will not be right", "repository", repository, "error", err)
	}
	d.eachTag(func(s apprunner.Service, ref source.Reference) {
		if ref.Embedded && ref.Stored() == repository && ref.Tag == tag {
			d.deployer.Look(s.ID)
		}
	})
}

// moved is told what a tag of another registry names.
func (d *Daemon) moved(_ context.Context, image source.Resolved) error {
	d.eachTag(func(s apprunner.Service, ref source.Reference) {
		if ref == image.Reference {
			d.deployer.Look(s.ID)
		}
	})
	return nil
}

// ended is told that an operation of a service ended: its tag may have moved meanwhile, and what is
// watched may be another.
func (d *Daemon) ended(serviceID string) {
	d.deployer.Look(serviceID)
	d.redeployer.Look(serviceID)
	d.domains.Look()
	d.watch()
	d.slim.later()
}

// watch has the tags of other registries watched.
func (d *Daemon) watch() {
	var refs []source.Reference
	d.eachTag(func(_ apprunner.Service, ref source.Reference) { refs = append(refs, ref) })
	d.watcher.Set(refs)
	d.connect.Watch(d.ctx)
}

// eachTag visits the services that deploy automatically, with their images.
func (d *Daemon) eachTag(visit func(apprunner.Service, source.Reference)) {
	services, err := d.store.Services(d.ctx, "")
	if err != nil {
		if d.ctx.Err() == nil {
			d.log.Error("services could not be read for automatic deployment", "error", err)
		}
		return
	}
	for _, s := range services {
		if !s.Listed() || !s.Spec.AutoDeploy || s.Spec.Code != nil {
			continue
		}
		if ref, err := d.reference(s.Spec, s.Region); err == nil && ref.Digest == "" {
			visit(s, ref)
		}
	}
}

// newest returns what the source of a service is now, as apprunner.Revision.Source does.
func (d *Daemon) newest(ctx context.Context, s apprunner.Service) (string, error) {
	if s.Spec.Code != nil {
		c, err := repositories{d}.Commit(ctx, s, "")
		return apprunner.Revision{Commit: &c}.Source(), err
	}
	ref, err := d.reference(s.Spec, s.Region)
	if err != nil {
		return "", err
	}
	resolved, err := d.sources.Resolve(ctx, ref)
	return resolved.Digest, err
}

// tidyEvery is how often what is no longer needed is deleted.
const tidyEvery = time.Hour

// tidy forgets services that were deleted long ago and images that nothing names, until ctx ends.
func (d *Daemon) tidy(ctx context.Context) {
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	for {
		d.sweep(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// sweep deletes what nothing needs any more, while no backup is made.
func (d *Daemon) sweep(ctx context.Context) {
	d.sweeping.Lock()
	defer d.sweeping.Unlock()
	if err := d.forget(ctx); err != nil && ctx.Err() == nil {
		d.log.Error("deleted services were not forgotten", "error", err)
	}
	if err := d.store.PurgeResources(ctx, time.Now().Add(-d.config.Timeouts.KeepGone)); err != nil && ctx.Err() == nil {
		d.log.Error("deleted resources were not forgotten", "error", err)
	}
	if err := d.tidySource(ctx); err != nil && ctx.Err() == nil {
		d.log.Error("unused source code was not deleted", "error", err)
	}
	if err := d.forgetEvents(ctx); err != nil && ctx.Err() == nil {
		d.log.Error("old events were not forgotten", "error", err)
	}
	if err := d.secrets.Purge(ctx); err != nil && ctx.Err() == nil {
		d.log.Error("deleted secrets were not forgotten", "error", err)
	}
	if err := d.logs.Tidy(ctx); err != nil && ctx.Err() == nil {
		d.log.Error("old logs were not deleted", "error", err)
	}
	if err := d.stored.Tidy(time.Now()); err != nil {
		d.log.Error("old metrics were not deleted", "error", err)
	}
	if err := d.collect(ctx); err != nil && ctx.Err() == nil {
		d.log.Error("unused images were not deleted from the registry", "error", err)
	}
}

// forget deletes services that were deleted long ago, with their logs and metrics.
func (d *Daemon) forget(ctx context.Context) error {
	services, err := d.store.Services(ctx, "")
	if err != nil {
		return err
	}
	for _, s := range services {
		if s.Listed() || time.Since(s.DeletedAt) < d.config.Timeouts.KeepGone {
			continue
		}
		if err := d.logs.Delete(ctx, logged(s)); err != nil {
			return err
		}
		if err := d.stored.Forget(s.ID); err != nil {
			return err
		}
		if err := d.store.PurgeService(ctx, s.ID); err != nil {
			return err
		}
		d.options.forget(s.ID)
	}
	return nil
}

// collect deletes images from the embedded registry that no tag names and no revision uses.
func (d *Daemon) collect(ctx context.Context) error {
	revisions, err := d.store.Revisions(ctx, "")
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, r := range revisions {
		used[r.Digest] = true
	}
	report, err := d.registry.GC(ctx, d.config.Registry.GarbageAfter, func(_, digest string) bool { return used[digest] })
	if err == nil {
		d.log.Debug("swept the embedded registry", "report", report)
	}
	return err
}

// failpoint returns what ends the process without mercy when an operation has recorded the step
// that SLIPWAY_KILL_AT names as TYPE:step, such as CREATE_SERVICE:pull, or that it has ended, as
// CREATE_SERVICE:end. With the suffix "-" the process ends before that is recorded: when all that
// leads to it is done and the store does not know. Tests of crashes set it.
func failpoint(suffix string) func(apprunner.Operation) {
	if os.Getenv("SLIPWAY_KILL_AT") == "" {
		return nil
	}
	return func(o apprunner.Operation) {
		step := string(o.Step)
		if o.Status.Ended() {
			step = "end"
		}
		dieAt(string(o.Type) + ":" + step + suffix)
	}
}

// dieAt ends the process without mercy if SLIPWAY_KILL_AT names this point.
func dieAt(point string) {
	if os.Getenv("SLIPWAY_KILL_AT") == point {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
}
