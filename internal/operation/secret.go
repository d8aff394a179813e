package operation

import (
	"context"
	"errors"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// Secrets finds what references to secrets name, as an instance role and for a service in here.
type Secrets interface {
	Resolve(ctx context.Context, role string, here apprunner.Place, refs map[string]string) (map[string]apprunner.ResolvedSecret, error)
}

// secretError is that the secrets of a revision could not be resolved.
type secretError struct{ error }

func (e secretError) Unwrap() error { return e.error }

// resolveSecrets gives a revision what its references name now. They are resolved once, so that every
// instance of it gets the same, also after a restart or a rollback. What comes out is recorded with
// the image: a daemon that was killed before that resolves them again.
func (j *job) resolveSecrets(ctx context.Context, r apprunner.Revision) (apprunner.Revision, error) {
	refs := r.Spec.Image.Secrets
	if len(refs) == 0 || r.Secrets != nil {
		return r, nil
	}
	resolved, err := j.Secrets.Resolve(ctx, r.Spec.Instance.Role, j.Place(j.service.Region), refs)
	if err != nil {
		return r, secretError{err}
	}
	r.Secrets = resolved
	return r, nil
}

func isSecret(err error) bool {
	_, ok := errors.AsType[secretError](err)
	return ok
}
