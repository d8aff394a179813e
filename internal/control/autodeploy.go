package control

import (
	"context"
	"log/slog"
	"sync"
	"time"

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
	store   DeployStore
	control *Control
	digest  func(context.Context, apprunner.Service) (string, error)
	place   func(region string) apprunner.Place
	log     *slog.Logger

	mu      sync.Mutex
	pending map[string]bool // ids of services to look at
	looking map[string]bool // that are being looked at
	wake    chan struct{}
}

// NewAutoDeployer makes one. It works while Run does. Digest returns what
// the source of a service is now, as Revision.Source does.
func NewAutoDeployer(store DeployStore, control *Control, digest func(context.Context, apprunner.Service) (string, error),
	place func(region string) apprunner.Place, log *slog.Logger,
) *AutoDeployer {
	return &AutoDeployer{
		store: store, control: control, digest: digest, place: place, log: log,
		pending: map[string]bool{}, looking: map[string]bool{}, wake: make(chan struct{}, 1),
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

// retryLook is when a service is looked at again whose source did not answer.
const retryLook = time.Minute

// Run looks at services until ctx ends: at several side by side, since a source may be slow to answer,
// and at each once at a time.
func (a *AutoDeployer) Run(ctx context.Context) {
	var looks sync.WaitGroup
	defer looks.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		}
		a.mu.Lock()
		for id := range a.pending {
			if a.looking[id] {
				continue // again when that look has ended
			}
			delete(a.pending, id)
			a.looking[id] = true
			looks.Go(func() { a.lookAt(ctx, id) })
		}
		a.mu.Unlock()
	}
}

// lookAt looks at one service.
func (a *AutoDeployer) lookAt(ctx context.Context, id string) {
	err := a.look(ctx, id)
	a.mu.Lock()
	delete(a.looking, id)
	again := a.pending[id]
	a.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case again:
		a.Look(id)
	case apprunner.CodeOf(err) == apprunner.ResourceNotFound:
		a.log.Warn("there is no such service to look at for automatic deployment", "service", id)
	case err != nil:
		a.log.Warn("a service could not be looked at for automatic deployment, trying again", "service", id, "error", err)
		time.AfterFunc(retryLook, func() { a.Look(id) }) // harmless after the end
	}
}

// look deploys a service if its source has something new.
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

// tried reports whether the source runs, or was the last one that was deployed. What a rollback or a
// chosen commit left behind is not deployed again: its owner wants something newer first.
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
