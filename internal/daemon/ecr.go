package daemon

import (
	"context"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	ecrapi "github.com/slipway-run/slipway/internal/awsapi/ecr"
	ecrpublicapi "github.com/slipway-run/slipway/internal/awsapi/ecrpublic"
	"github.com/slipway-run/slipway/internal/awsapi/handlers"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
	"github.com/slipway-run/slipway/internal/daemon/access"
	"github.com/slipway-run/slipway/internal/ecr"
	"github.com/slipway-run/slipway/internal/registry"
	"github.com/slipway-run/slipway/internal/source"
)

// openRegistry opens the embedded registry, and what shows it as ECR.
func (d *Daemon) openRegistry() (err error) {
	d.tokens = &ecr.Tokens{Secret: d.secretOf, Now: time.Now}
	d.guard.Passwords = append(d.guard.Passwords, d.tokenUser)
	d.repositories = &ecr.Registry{
		Account: d.config.Account, Home: d.config.Region, Host: reachable(d.api.Addr()), Store: d.store, Now: time.Now,
	}
	d.registry, err = registry.Open(registry.Config{
		Dir:           filepath.Join(d.config.DataDir, "registry"),
		Authenticator: access.Registry{Guard: d.guard},
		Authorizer:    access.Registry{Guard: d.guard},
		Immutable:     d.repositories.Immutable,
		Log:           d.log.With("component", "registry"),
	})
	d.repositories.Images = d.registry
	return err
}

// secretOf returns the secret of an access key that may call the API now.
func (d *Daemon) secretOf(_ context.Context, keyID string) (secret string, ok bool, err error) {
	u, ok := d.guard.Find(keyID)
	return u.Secret, ok, nil
}

// tokenUser returns the access key that the token of a user named AWS stands for.
func (d *Daemon) tokenUser(ctx context.Context, user, password string) (keyID string, ok bool) {
	if user != ecr.User {
		return "", false
	}
	keyID, _, err := d.tokens.Open(ctx, password)
	return keyID, err == nil
}

// ownHosts are the names, with port, that clients on this machine have for the embedded registry.
func (d *Daemon) ownHosts() []string {
	hosts := []string{reachable(d.api.Addr())}
	tcp := d.api.Addr().(*net.TCPAddr)
	if port := strconv.Itoa(tcp.Port); tcp.IP.IsLoopback() || tcp.IP.IsUnspecified() {
		hosts = append(hosts, net.JoinHostPort("localhost", port))
		if tcp.IP.IsUnspecified() {
			hosts = append(hosts, net.JoinHostPort("::1", port))
		}
	}
	return hosts
}

// reference reads the image of a configuration of a service in a Region.
func (d *Daemon) reference(spec apprunner.Spec, region string) (source.Reference, error) {
	ref, err := source.Parse(spec.Image.Identifier, source.Here{Place: d.place(region), Home: d.config.Region, Hosts: d.ownHosts()})
	if err == nil && ref.ECR() && !ref.Embedded {
		ref.Role = spec.AccessRole
	}
	return ref, err
}

func (d *Daemon) ecrAPI() awsapi.API {
	return ecrapi.API(&handlers.ECR{Registry: d.repositories, Tokens: d.tokens, TokenKey: []byte(d.key.Secret)})
}

func (d *Daemon) ecrPublicAPI() awsapi.API {
	return ecrpublicapi.API(&handlers.ECRPublic{Registry: d.repositories, Tokens: d.tokens})
}

// caller tells who an access key is in AWS's terms. The root key is the account itself.
func (d *Daemon) caller(_ context.Context, who sigv4.Identity) (handlers.Caller, error) {
	c := handlers.Caller{Account: d.config.Account, ARN: "arn:aws:iam::" + d.config.Account + ":root", UserID: d.config.Account}
	if u, ok := d.guard.Find(who.AccessKeyID); ok && !u.Root() {
		c.ARN, c.UserID = u.ARN(d.config.Account), u.ID
	}
	return c, nil
}
