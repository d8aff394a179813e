package connect

import (
	"context"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/source/git"
)

// branch is a branch that services are deployed from. All that have the same are looked at once.
type branch struct{ region, connection, url, name string }

func branchOf(s apprunner.Service) branch {
	return branch{s.Region, s.Spec.Connection, s.Spec.Code.URL, s.Spec.Code.Branch}
}

// deploying returns the services that deploy automatically from source code.
func (n *Connector) deploying(ctx context.Context) ([]apprunner.Service, error) {
	all, err := n.Store.Services(ctx, "")
	var some []apprunner.Service
	for _, s := range all {
		if s.Listed() && s.Spec.AutoDeploy && s.Spec.Code != nil {
			some = append(some, s)
		}
	}
	return some, err
}

// Watch watches the branches of the services that there are now, and sees to their webhooks.
func (n *Connector) Watch(ctx context.Context) {
	services, err := n.deploying(ctx)
	if err != nil {
		if ctx.Err() == nil {
			n.Log.Error("services could not be read for automatic deployment", "error", err)
		}
		return
	}
	var branches []branch
	for _, s := range services {
		if !n.Own(s.Spec.Code.URL) {
			branches = append(branches, branchOf(s))
		}
	}
	n.poller.Set(branches)
	n.wakeHooks()
}

// LookAll has every service looked at: something may have been pushed while no daemon ran.
func (n *Connector) LookAll(ctx context.Context) {
	services, err := n.deploying(ctx)
	if err != nil && ctx.Err() == nil {
		n.Log.Error("services could not be read for automatic deployment", "error", err)
	}
	for _, s := range services {
		n.Look(s.ID)
	}
}

// lookAt asks what a branch is now, and has its services looked at when it has moved.
func (n *Connector) lookAt(ctx context.Context, b branch, known string) (string, error) {
	var head string
	err := n.with(ctx, b.region, b.connection, b.url, func(r git.Remote) (err error) {
		head, err = n.Git.Head(ctx, r, b.name)
		return err
	})
	if err != nil {
		n.deniedBranch(ctx, b, err)
		return known, err
	}
	if head == known {
		return known, nil
	}
	services, err := n.deploying(ctx)
	for _, s := range services {
		if branchOf(s) == b {
			n.Look(s.ID)
		}
	}
	return head, err
}

func (n *Connector) lookFailed(b branch, err error) {
	n.Log.Warn("cannot look for new commits, trying again", "repository", b.url, "branch", b.name, "error", err)
}

// deniedBranch turns a connection to ERROR whose credential is refused where a running service was read
// with it. Only so does it show where a host has no API to ask.
func (n *Connector) deniedBranch(ctx context.Context, b branch, denied error) {
	if !git.Denied(denied) || b.connection == "" {
		return
	}
	c, _, err := n.find(ctx, b.region, b.connection)
	if err != nil || c.Status != apprunner.ConnectionAvailable || n.api.Open(c.Provider, credentialOf(c)) != nil {
		return
	}
	if remote(c.Provider, credentialOf(c), b.url).Credential.Token == "" && len(credentialOf(c).Key) == 0 {
		return
	}
	services, err := n.deploying(ctx)
	for _, s := range services {
		if err == nil && branchOf(s) == b && s.RevisionID != "" {
			n.fail(ctx, c, denied.Error())
			return
		}
	}
}
