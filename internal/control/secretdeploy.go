package control

import (
	"context"
	"log/slog"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// SecretVersions tells which versions references name now, by name; "" for what has no version.
type SecretVersions func(ctx context.Context, here apprunner.Place, refs map[string]string) (map[string]string, error)

// SecretDeployer deploys services that want it when a secret which they run with has another value.
// Looking again is always safe: what secrets are now is deployed once, also when that failed, and a
// change during an operation is found when the operation has ended.
type SecretDeployer struct {
	*looker
	store    DeployStore
	tags     TagStore
	control  *Control
	versions SecretVersions
	place    func(region string) apprunner.Place
}

// NewSecretDeployer makes one. It works while Run does.
func NewSecretDeployer(store interface {
	DeployStore
	TagStore
}, control *Control, versions SecretVersions, place func(region string) apprunner.Place, log *slog.Logger,
) *SecretDeployer {
	return &SecretDeployer{newLooker("changed secrets", log), store, store, control, versions, place}
}

// Run looks at services until ctx ends.
func (d *SecretDeployer) Run(ctx context.Context) { d.run(ctx, d.look) }

// look deploys a service if its secrets have changed.
func (d *SecretDeployer) look(ctx context.Context, id string) error {
	s, err := d.store.Service(ctx, id)
	if err != nil || s.Status != apprunner.ServiceRunning {
		return err // looked at again when its operation has ended
	}
	tags, err := d.tags.Tags(ctx, s.ARN)
	if err != nil || !apprunner.OptionsOf(tags).DeploySecret {
		return err
	}
	running, err := d.store.Revision(ctx, s.RevisionID)
	if err != nil || len(running.Secrets) == 0 {
		return err
	}
	now, err := d.versions(ctx, d.place(s.Region), running.Spec.Image.Secrets)
	if err != nil {
		return err
	}
	for name, resolved := range running.Secrets {
		// What is not there now cannot be deployed. What had no version never changes.
		if now[name] == "" && resolved.Version != "" {
			return nil
		}
	}
	wanted := running.SecretState(now)
	if wanted == running.SecretState(nil) {
		return nil
	}
	tried, err := d.tried(ctx, s, wanted)
	if err != nil || tried {
		return err
	}
	_, _, err = d.control.change(ctx, d.place(s.Region), s.ARN, func(s apprunner.Service, _ apprunner.Scalings, _ apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
		s, o, err := apprunner.Begin(s, apprunner.StartDeployment, apprunner.NewID(), d.control.Now())
		o.Trigger, o.Secrets = "SECRET_CHANGE", wanted
		return s, o, err
	})
	if apprunner.CodeOf(err) == apprunner.InvalidRequest {
		return nil // another operation was faster; its end has the service looked at again
	}
	return err
}

// tried reports whether the last deployment was with these versions, or begun for them.
func (d *SecretDeployer) tried(ctx context.Context, s apprunner.Service, wanted string) (bool, error) {
	operations, err := d.store.Operations(ctx, s.ID)
	if err != nil {
		return false, err
	}
	for _, o := range operations {
		switch {
		case !o.Type.Deploys() || o.Rollback:
			continue
		case o.Secrets == wanted:
			return true, nil
		case o.RevisionID == "":
			return false, nil
		}
		last, err := d.store.Revision(ctx, o.RevisionID)
		if apprunner.CodeOf(err) == apprunner.ResourceNotFound {
			return false, nil
		}
		return last.SecretState(nil) == wanted, err
	}
	return false, nil
}
