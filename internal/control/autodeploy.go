package control

import (
	"context"
	"log/slog"
	"sync"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// DeployStore is what an AutoDeployer reads.
type DeployStore interface {
	Service(ctx context.Context, id string) (apprunner.Service, error)
	Revision(ctx context.Context, id string) (apprunner.Revision, error)
	Operations(ctx context.Context, serviceID string) ([]apprunner.Operation, error)
}

// AutoDeployer deploys services whose tag names another image than the one that runs. Looking again
// is always safe: an image is deployed once, also when it failed, and one that comes during an
// operation is found when the operation has ended.
type AutoDeployer struct {
	store   DeployStore
	control *Control
	digest  func(context.Context, apprunner.Service) (string, error)
	place   func(region string) apprunner.Place
	log     *slog.Logger

	mu      sync.Mutex
	pending map[string]bool // ids of services to look at
	wake    chan struct{}
}

// NewAutoDeployer makes one. It works while Run does. Digest returns what the tag of a service's
// image names now.
func NewAutoDeployer(store DeployStore, control *Control, digest func(context.Context, apprunner.Service) (string, error),
	place func(region string) apprunner.Place, log *slog.Logger,
) *AutoDeployer {
	return &AutoDeployer{
		store: store, control: control, digest: digest, place: place, log: log,
		pending: map[string]bool{}, wake: make(chan struct{}, 1),
	}
}

// Look has a service looked at soon. It never blocks.
func (a *AutoDeployer) Look(serviceID string) {
	a.mu.Lock()
	a.pending[serviceID] = true
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// Run looks at services until ctx ends.
func (a *AutoDeployer) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		}
		a.mu.Lock()
		ids := a.pending
		a.pending = map[string]bool{}
		a.mu.Unlock()
		for id := range ids {
			if err := a.look(ctx, id); err != nil && ctx.Err() == nil {
				a.log.Warn("a service could not be looked at for automatic deployment", "service", id, "error", err)
			}
		}
	}
}

// look deploys a service if its tag has moved.
func (a *AutoDeployer) look(ctx context.Context, id string) error {
	s, err := a.store.Service(ctx, id)
	if err != nil {
		return err
	}
	if !s.Spec.AutoDeploy || s.Status != apprunner.ServiceRunning {
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
	_, _, err = a.control.StartDeployment(ctx, a.place(s.Region), s.ARN, "AUTO_DEPLOYMENT")
	if apprunner.CodeOf(err) == apprunner.InvalidRequest {
		return nil // another operation was faster; its end has the service looked at again
	}
	return err
}

// tried reports whether the source runs, or was the last one that was deployed. What a rollback left
// behind is not deployed again: its owner wants something newer first.
func (a *AutoDeployer) tried(ctx context.Context, s apprunner.Service, source string) (bool, error) {
	running, err := a.store.Revision(ctx, s.RevisionID)
	if err != nil || running.Source() == source {
		return true, err
	}
	operations, err := a.store.Operations(ctx, s.ID)
	if err != nil {
		return false, err
	}
	for _, o := range operations {
		if !o.Type.Deploys() || o.RevisionID == "" || o.Rollback {
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
