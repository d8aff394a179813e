// Package access decides who may do what: it finds the access key behind a call, holds it to its rate
// and its policy, and records the call in the audit log. The APIs, the registry and the console ask it
// through interfaces of their own.
package access

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
	"github.com/slipway-run/slipway/internal/iam"
	"github.com/slipway-run/slipway/internal/throttle"
)

// Tags knows the tags of resources.
type Tags interface {
	Tags(ctx context.Context, arn string) (map[string]string, error)
}

// Guard knows the access keys and what each may do. All fields but Passwords and Sessions must be set.
type Guard struct {
	Keys *iam.Ring
	// Sessions finds the temporary credentials of instance roles; nil when there are none.
	Sessions func(id string) (iam.Session, bool)
	Limiter  *throttle.Limiter
	Tags     Tags
	// Expand returns the complete ARNs that a partial one stands for: the latest revision, or with all
	// set every revision. It returns none when there are none.
	Expand func(ctx context.Context, here apprunner.Place, arn string, all bool) ([]string, error)
	// Secret returns the ARN of the secret that an id or an ARN means, "" when there is none.
	Secret func(ctx context.Context, here apprunner.Place, id string) (arn string, err error)
	// Passwords are further ways to sign in to the registry beside an id and its secret: each returns
	// the access key that a user and a password stand for.
	Passwords []func(ctx context.Context, user, password string) (keyID string, ok bool)
	// Home is the account, and the Region of what has no Region of its own: registry and console.
	Home apprunner.Place
}

// refusal is a call that is not allowed. It brings its own place on the wire.
type refusal struct {
	code    string
	status  int
	message string
}

func (r *refusal) Error() string { return r.message }

// Exception returns the name and the HTTP status of the answer.
func (r *refusal) Exception() (code string, status int) { return r.code, r.status }

var (
	errThrottled = &refusal{"ThrottlingException", http.StatusBadRequest, "Rate exceeded"}
	// A key that was deleted between the check of its signature and that of its rights.
	errNoKey = &refusal{"UnrecognizedClientException", http.StatusForbidden, "The security token included in the request is invalid."}
)

// Lookup implements sigv4.Keys.
func (g *Guard) Lookup(_ context.Context, id string) (sigv4.Credentials, bool, error) {
	s, ok := g.session(id)
	return sigv4.Credentials{Secret: s.Secret, Token: s.Token, Expires: s.Expires}, ok, nil
}

// Find returns who has an access key, be it a lasting or a temporary one.
func (g *Guard) Find(id string) (iam.User, bool) {
	s, ok := g.session(id)
	return s.User, ok
}

func (g *Guard) session(id string) (iam.Session, bool) {
	if u, ok := g.Keys.Find(id); ok {
		return iam.Session{User: u}, true
	}
	if g.Sessions == nil {
		return iam.Session{}, false
	}
	return g.Sessions(id)
}

// check refuses an action that a user may not do on every one of the resources.
func (g *Guard) check(ctx context.Context, u iam.User, region, action string, resources []string, conditions iam.Context) error {
	if u.Root() {
		return nil
	}
	account := g.Home.Account
	for _, resource := range resources {
		c, err := g.context(ctx, resource, conditions)
		if err != nil {
			return err
		}
		c.Set("aws:RequestedRegion", region)
		if u.Role == "" { // as in AWS, who acts as a role has no name
			c.Set("aws:username", u.Name)
		}
		c.Set("aws:PrincipalArn", u.Principal(account))
		c.Set("aws:SecureTransport", strconv.FormatBool(trailOf(ctx).secure))
		decision := u.Allows(iam.Request{Action: action, Resource: resource, Context: c})
		if decision == iam.Allowed {
			continue
		}
		why := "because no identity-based policy allows the " + action + " action"
		if decision == iam.Denied {
			why = "with an explicit deny in an identity-based policy"
		}
		return &refusal{"AccessDeniedException", http.StatusForbidden,
			fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s %s", u.ARN(account), action, resource, why)}
	}
	return nil
}

// context is what conditions on a resource see: what the request says and the tags of the resource.
func (g *Guard) context(ctx context.Context, resource string, conditions iam.Context) (iam.Context, error) {
	c := iam.Context{}
	for key, values := range conditions {
		c.Set(key, values...)
	}
	if !strings.HasPrefix(resource, "arn:") || strings.Contains(resource, "*") {
		return c, nil
	}
	tags, err := g.Tags.Tags(ctx, resource)
	if err != nil {
		return nil, fmt.Errorf("read the tags of %q: %w", resource, err)
	}
	_, rest, _ := strings.Cut(strings.TrimPrefix(resource, "arn:"), ":")
	service, _, _ := strings.Cut(rest, ":")
	for key, value := range tags {
		c.Set("aws:ResourceTag/"+key, value)
		c.Set(service+":ResourceTag/"+key, value)
	}
	return c, nil
}
