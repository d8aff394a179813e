package daemon

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/daemon/role"
	"github.com/slipway-run/slipway/internal/fleet"
	"github.com/slipway-run/slipway/internal/iam"
	"github.com/slipway-run/slipway/internal/source/aws"
)

// openInside makes what instances find on their own loopback address. Its API comes with the others.
func (d *Daemon) openInside() {
	sessions := &role.Sessions{Instances: d.fleet, Make: iam.NewSessions(d.key.Secret), Policy: d.policyOf, Now: time.Now}
	logins := &aws.Logins{Credentials: aws.FromMachine}
	d.endpoint = &role.Endpoint{
		Sessions: sessions, Real: d.config.Roles.real, Log: d.log,
		AWS: &role.AWS{Now: time.Now, Assume: func(ctx context.Context, region, arn, session string, life time.Duration) (role.Credentials, error) {
			c, ends, err := logins.Assume(ctx, region, arn, session, life)
			return role.Credentials{AccessKeyId: c.KeyID, SecretAccessKey: c.Secret, Token: c.Token, Expiration: ends}, err
		}},
	}
	d.guard.Sessions = sessions.Find
}

// serveInside answers applications on the loopback address of their instance until ctx ends. No connection is
// kept for another request: it could end with this process just when that comes. Nor is one cut whose request
// the server has not read yet, as its own Shutdown would do.
func (d *Daemon) serveInside(ctx context.Context) {
	server := &http.Server{Handler: d.endpoint, ConnContext: role.ConnContext, ReadHeaderTimeout: 10 * time.Second}
	server.SetKeepAlivesEnabled(false)
	answered, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() {
		defer end()
		limit, cancel := context.WithTimeout(answered, lastAnswers)
		defer cancel()
		d.inside.Await(limit)
	})()
	if err := serveWhile(answered, server, d.inside); err != nil {
		d.log.Error("applications get no credentials any more", "error", err)
	}
}

// insideURL is where an application finds it.
var insideURL = fmt.Sprintf("http://127.0.0.1:%d", apprunner.CredentialPort)

// lent is what an instance is told of the credentials of its role: what the SDKs of AWS look for.
func (d *Daemon) lent(instanceID string, s apprunner.Service, r apprunner.Revision) fleet.Variables {
	v := fleet.Variables{
		Env:     []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + insideURL + role.Path},
		Secrets: []string{"AWS_CONTAINER_AUTHORIZATION_TOKEN=" + d.endpoint.Sessions.Make.Pass(instanceID)},
	}
	set := r.Spec.Image.Variables
	if set["AWS_REGION"] == "" && set["AWS_DEFAULT_REGION"] == "" {
		v.Env = append(v.Env, "AWS_REGION="+s.Region, "AWS_DEFAULT_REGION="+s.Region)
	}
	if d.config.Roles.Endpoint && !d.config.Roles.real(r.Spec.Instance.Role) {
		v.Env = append(v.Env, "AWS_ENDPOINT_URL="+insideURL)
	}
	return v
}
