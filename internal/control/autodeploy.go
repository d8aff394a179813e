package control

import (
	"context"
	"log/slog"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// DeployStore is what an AutoDeployer reads.
type DeployStore interface {
	Service(ctx context.Context, id string) (apprunner.Service, error)
	Revision(ctx context.Context, id string) (apprunner.Revision, error)
	Operations(ctx context.Context, serviceID string) ([]apprunner.Operation, error)
}

// AutoDeployer deploys services whose source has something else than what runs: an image that their tag
// names, or source code that their branch has. Looking again is always safe: each is deployed once, also
// when it failed, and what comes during an operation is found when the operation has ended.
type AutoDeployer struct {
	*looker
	store   DeployStore
	control *Control
	digest  func(context.Context, apprunner.Service) (string, error)
	place   func(region string) apprunner.Place
}

// NewAutoDeployer makes one. It works while Run does. Digest returns what
// the source of a service is now, as Revision.Source does.
func NewAutoDeployer(store DeployStore, control *Control, digest func(context.Context, apprunner.Service) (string, error),
	place func(region string) apprunner.Place, log *slog.Logger,
) *AutoDeployer {
	return &AutoDeployer{newLooker("automatic deployment", log), store, control, digest, place}
}

// Run looks at services until ctx ends.
func (a *AutoDeployer) Run(ctx context.Context) { a.run(ctx, a.look) }

// look deploys a service if its source has something new.
func (a *AutoDeployer) look(ctx context.Context, id string) error {
	s, err := a.store.Service(ctx, id)
	if err != nil {
		return err
	}
	// A service that never ran is built again when its code has changed, as the owner hopes.
	failed := s.Status == apprunner.ServiceCreateFailed && s.Spec.Code != nil
	if !s.Spec.AutoDeploy || (s.Status != apprunner.ServiceRunning && !failed) {
		return nil // looked at again when its operation has ended
	}
	digest, err := a.digest(ctx, s)
	if err != nil {
		return err
	}
	tried, err := a.tried(ctx, s, digest)
	if err != nil || tried {
		return err
	}
	kind := apprunner.StartDeployment
	if failed {
		kind = apprunner.UpdateService
	}
	_, _, err = a.control.begin(ctx, a.place(s.Region), s.ARN, kind, "AUTO_DEPLOYMENT", nil)
	if code := apprunner.CodeOf(err); code == apprunner.InvalidRequest || code == apprunner.InvalidState {
		return nil // another operation was faster; its end has the service looked at again
	}
	return err
}

// tried reports whether the source runs, or was the last one that was deployed. What a rollback or a
// chosen commit left behind is not deployed again: its owner wants something newer first.
func (a *AutoDeployer) tried(ctx context.Context, s apprunner.Service, source string) (bool, error) {
	if s.RevisionID != "" {
		running, err := a.store.Revision(ctx, s.RevisionID)
		if err != nil || running.Source() == source {
			return true, err
		}
	}
	operations, err := a.store.Operations(ctx, s.ID)
	if err != nil {
		return false, err
	}
	for _, o := range operations {
		if !o.Type.Deploys() || o.RevisionID == "" || o.Rollback || o.Commit != "" {
			continue
		}
		last, err := a.store.Revision(ctx, o.RevisionID)
		if apprunner.CodeOf(err) == apprunner.ResourceNotFound {
			return false, nil
		}
		return last.Source() == source, err
	}
	return false, nil
}
