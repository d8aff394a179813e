package access

import (
	"context"
	"errors"
	"fmt"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
	"github.com/slipway-run/slipway/internal/console"
	"github.com/slipway-run/slipway/internal/iam"
	"github.com/slipway-run/slipway/internal/registry"
)

var (
	_ registry.Authenticator = Registry{}
	_ registry.Authorizer    = Registry{}
	_ admin.Authorizer       = Admin{}
	_ console.Keys           = Console{}
)

// Registry is the guard of the embedded registry.
type Registry struct{ Guard *Guard }

// Authenticate implements registry.Authenticator.
func (r Registry) Authenticate(ctx context.Context, user, password string) (string, error) {
	t := trailOf(ctx)
	t.entry.Region = r.Guard.Home.Region
	if u, ok := r.Guard.signIn(ctx, user, password); ok {
		t.entry.AccessKeyID, t.entry.User = u.ID, u.ARN(r.Guard.Home.Account)
		return u.ID, nil
	}
	t.entry.AccessKeyID, t.entry.Action = keyForm.FindString(user), "slipway:RegistrySignIn"
	return "", registry.ErrDenied
}

// signIn tries an id and its secret, and then the further ways. All are tried, so that the time does
// not tell which of them failed.
func (g *Guard) signIn(ctx context.Context, user, password string) (iam.User, bool) {
	u, ok := g.Keys.Authenticate(user, password)
	for _, try := range g.Passwords {
		if id, found := try(ctx, user, password); found && !ok {
			u, ok = g.Find(id)
		}
	}
	return u, ok
}

// Authorize implements registry.Authorizer.
func (r Registry) Authorize(ctx context.Context, keyID, action, repository string) error {
	resource := "*"
	if repository != "" {
		resource = repositoryARN(r.Guard.Home, "ecr", repository)
	}
	err := r.Guard.may(ctx, keyID, r.Guard.Home.Region, action, resource)
	if _, refused := errors.AsType[*refusal](err); refused {
		return fmt.Errorf("%w: %w", registry.ErrForbidden, err)
	}
	return err
}

// may decides about one action on one resource, and records what was asked.
func (g *Guard) may(ctx context.Context, keyID, region, action, resource string) error {
	t := trailOf(ctx)
	t.entry.Action, t.entry.Resources = action, []string{resource}
	u, ok := g.Find(keyID)
	if !ok {
		return errNoKey
	}
	return g.check(ctx, u, region, action, []string{resource}, nil)
}

// Admin is the guard of Slipway's own API.
type Admin struct{ Guard *Guard }

// Authorize implements admin.Authorizer.
func (a Admin) Authorize(ctx context.Context, who sigv4.Identity, action, resource string) error {
	return a.Guard.may(ctx, who.AccessKeyID, who.Region, action, resource)
}

// Console is the guard of the console.
type Console struct{ Guard *Guard }

// Authenticate implements console.Keys.
func (c Console) Authenticate(ctx context.Context, id, secret string) error {
	t := trailOf(ctx)
	t.entry.Action, t.entry.Region, t.entry.AccessKeyID = "slipway:ConsoleSignIn", c.Guard.Home.Region, keyForm.FindString(id)
	u, ok := c.Guard.Keys.Authenticate(id, secret)
	if !ok {
		return errNoKey
	}
	t.entry.User = u.ARN(c.Guard.Home.Account)
	return nil
}

// Name implements console.Keys.
func (c Console) Name(id string) (string, bool) {
	u, ok := c.Guard.Keys.Find(id)
	return u.Name, ok
}

// Keys lets the admin API manage keys.
type Keys struct{ Ring *iam.Ring }

var _ admin.Keys = Keys{}

func shown(u iam.User) (admin.Key, error) {
	k := admin.Key{ID: u.ID, Name: u.Name, CreatedAt: u.CreatedAt}
	if u.Root() {
		return k, nil
	}
	var err error
	k.Policy, err = u.Policy.MarshalJSON()
	return k, err
}

// CreateKey implements admin.Keys.
func (k Keys) CreateKey(ctx context.Context, name string, document []byte) (admin.Key, error) {
	policy, err := iam.ParsePolicy(document)
	if err != nil {
		return admin.Key{}, apprunner.Errorf(apprunner.InvalidRequest, "The access key was not made: %s.", err)
	}
	u, err := k.Ring.Create(ctx, name, policy)
	if err != nil {
		return admin.Key{}, asked(err)
	}
	made, err := shown(u)
	made.Secret = u.Secret
	return made, err
}

// asked turns what the caller got wrong into an error of theirs.
func asked(err error) error {
	if wrong, ok := errors.AsType[iam.NameError](err); ok {
		return apprunner.Errorf(apprunner.InvalidRequest, "%s", wrong)
	}
	return err
}

// DeleteKey implements admin.Keys.
func (k Keys) DeleteKey(ctx context.Context, id string) (bool, error) {
	found, err := k.Ring.Delete(ctx, id)
	return found, asked(err)
}

// ListKeys implements admin.Keys.
func (k Keys) ListKeys() []admin.Key {
	users := k.Ring.Users()
	all := make([]admin.Key, 0, len(users))
	for _, u := range users {
		if one, err := shown(u); err == nil {
			all = append(all, one)
		}
	}
	return all
}
