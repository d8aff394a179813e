package daemon

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/control"
	"github.com/slipway-run/slipway/internal/daemon/access"
	"github.com/slipway-run/slipway/internal/source/remote"
)

// pushTime is how long a push may take, without the deployment.
const pushTime = 30 * time.Minute

// openRemote opens the repositories that source code is pushed to.
func (d *Daemon) openRemote() (err error) {
	d.remote, err = remote.Open(remote.Config{
		Dir: filepath.Join(d.config.DataDir, "source"), Home: d.config.Region, Hosts: d.ownHosts,
		MaxPush: int64(d.config.Source.MaxPush), Timeout: pushTime,
		Authenticator: access.Source{Guard: d.guard}, Authorizer: access.Source{Guard: d.guard}, Services: pushes{d},
		Log: d.log.With("component", "source"),
	})
	return err
}

// remoteURL is the RepositoryUrl of what is pushed for a service.
func (d *Daemon) remoteURL(region, name string) string {
	return "http://" + reachable(d.api.Addr()) + remote.Path(d.config.Region, region, name)
}

// pushes brings services to what is pushed.
type pushes struct{ d *Daemon }

// named returns the service with a name.
func (p pushes) named(ctx context.Context, region, name string) (apprunner.Service, bool, error) {
	all, err := p.d.control.Services(ctx, p.d.place(region))
	i := slices.IndexFunc(all, func(s apprunner.Service) bool { return s.Name == name })
	if err != nil || i < 0 {
		return apprunner.Service{}, false, err
	}
	return all[i], true, nil
}

// Service implements remote.Services.
func (p pushes) Service(ctx context.Context, region, name string) (remote.Service, error) {
	s, ok, err := p.named(ctx, region, name)
	if err != nil || !ok {
		here := p.d.place(region)
		return remote.Service{ARN: "arn:aws:apprunner:" + here.Region + ":" + here.Account + ":service/" + name + "/*"}, err
	}
	out := remote.Service{ARN: s.ARN, Exists: true}
	if s.Spec.Code != nil {
		if r, n, own := p.d.remote.Own(s.Spec.Code.URL); own && r == region && n == name {
			out.Branch = s.Spec.Code.Branch
		}
	}
	return out, nil
}

// Pushed implements remote.Services. What it begins does not end with ctx.
func (p pushes) Pushed(ctx context.Context, push remote.Push, tell func(string)) {
	begin := time.Now()
	if push.Create {
		if _, _, err := p.d.control.CreateService(p.d.ctx, p.d.place(push.Region), p.newService(push)); err != nil {
			tell("The service was not made: " + p.reason(err))
			return
		}
	}
	s, ok, err := p.named(ctx, push.Region, push.Name)
	switch {
	case err != nil || !ok:
		tell(fmt.Sprintf("Service %s is not there any more.", push.Name))
		return
	case s.Status == apprunner.ServicePaused:
		tell(fmt.Sprintf("Stored. Service %s is paused: \"slipway resume %s\" brings it back, and then this commit is deployed.", s.Name, s.Name))
		return
	case !s.Spec.AutoDeploy:
		tell(fmt.Sprintf("Stored. Service %s does not deploy automatically: \"slipway deploy --name %s --commit %s\" deploys this commit.", s.Name, s.Name, push.Commit))
		return
	}
	if !push.Create {
		p.d.deployer.Look(s.ID)
	}
	p.follow(ctx, s, push, begin, tell)
}

func (p pushes) newService(push remote.Push) control.NewService {
	auto := true
	return control.NewService{Name: push.Name, Change: apprunner.Change{Source: &apprunner.SourceChange{
		AutoDeploy: &auto,
		Code:       &apprunner.CodeChange{URL: p.d.remoteURL(push.Region, push.Name), Branch: push.Branch},
	}}}
}

// reason is what the owner is told of an error.
func (p pushes) reason(err error) string {
	if apprunner.CodeOf(err) == apprunner.Internal {
		p.d.log.Error("a push was not deployed", "error", err)
		return "an internal error. Slipway's log has the details."
	}
	return err.Error()
}

// tidySource deletes source code that neither a branch nor a revision needs.
func (d *Daemon) tidySource(ctx context.Context) error {
	services, err := d.store.Services(ctx, "")
	if err != nil {
		return err
	}
	revisions, err := d.store.Revisions(ctx, "")
	if err != nil {
		return err
	}
	type key struct{ region, name string }
	owner, commits, known := map[string]key{}, map[key][]string{}, map[key]bool{}
	for _, s := range services { // also those that were deleted and are not forgotten yet
		k := key{s.Region, s.Name}
		owner[s.ID], known[k] = k, true
	}
	for _, r := range revisions {
		if k, ok := owner[r.ServiceID]; ok && r.Commit != nil {
			commits[k] = append(commits[k], r.Commit.ID)
		}
	}
	return d.remote.Tidy(ctx, d.config.Timeouts.KeepGone, func(region, name string) ([]string, bool) {
		k := key{region, name}
		return commits[k], known[k]
	})
}
