package access

import (
	"context"
	"errors"
	"fmt"

	"github.com/slipway-run/slipway/internal/source/remote"
)

var (
	_ remote.Authenticator = Source{}
	_ remote.Authorizer    = Source{}
)

// Source is the guard of the repositories of source code.
type Source struct{ Guard *Guard }

// Authenticate implements remote.Authenticator.
func (s Source) Authenticate(ctx context.Context, user, password string) (string, error) {
	t := trailOf(ctx)
	t.entry.Region = s.Guard.Home.Region
	if u, ok := s.Guard.Keys.Authenticate(user, password); ok {
		t.entry.AccessKeyID, t.entry.User = u.ID, u.ARN(s.Guard.Home.Account)
		return u.ID, nil
	}
	t.entry.AccessKeyID, t.entry.Action = keyForm.FindString(user), "slipway:SourceSignIn"
	return "", remote.ErrDenied
}

// Authorize implements remote.Authorizer.
func (s Source) Authorize(ctx context.Context, keyID, region, action, resource string) error {
	trailOf(ctx).entry.Region = region
	err := s.Guard.may(ctx, keyID, region, action, resource)
	if _, refused := errors.AsType[*refusal](err); refused {
		return fmt.Errorf("%w: %w", remote.ErrForbidden, err)
	}
	return err
}
