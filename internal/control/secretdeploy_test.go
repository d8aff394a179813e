package control_test

import (
	"context"
	"maps"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/control"
)

// redeployer is a world with a deployer of changed secrets, in a synctest bubble, and one secret.
type redeployer struct {
	*world
	*control.SecretDeployer
	mu  sync.Mutex
	now map[string]string
}

func (d *redeployer) versions(context.Context, apprunner.Place, map[string]string) (map[string]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.now), nil
}

func (d *redeployer) set(version string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = map[string]string{"DB": version}
}

func (d *redeployer) look(s apprunner.Service) int {
	before := d.count()
	d.Look(s.ID)
	synctest.Wait()
	return d.count() - before
}

// end ends the newest operation of a service, with a revision that has a version of the secret or,
// with "", never got that far.
func (d *redeployer) end(t *testing.T, s apprunner.Service, version string, well bool) apprunner.Service {
	t.Helper()
	s, err := d.store.Service(t.Context(), s.ID)
	if err != nil {
		t.Fatal(err)
	}
	all, err := d.store.Operations(t.Context(), s.ID)
	if err != nil {
		t.Fatal(err)
	}
	revisions, err := d.store.Revisions(t.Context(), s.ID)
	if err != nil {
		t.Fatal(err)
	}
	o, r := all[0], apprunner.Revision{ID: apprunner.NewID(), ServiceID: s.ID, Number: len(revisions) + 1, Spec: s.Spec, Digest: "sha256:1"}
	if version != "" {
		r.Secrets = map[string]apprunner.ResolvedSecret{"DB": {Value: "value", Version: version}}
	}
	o.RevisionID = r.ID
	if well {
		s, o = apprunner.Succeed(s, o, d.world.now)
	} else {
		s, o = apprunner.RolledBack(s, apprunner.Fail(o, "it fails", d.world.now), d.world.now)
	}
	if err := d.store.Record(t.Context(), s, o, &r); err != nil {
		t.Fatal(err)
	}
	return s
}

// redeploying runs f with a service that is RUNNING with version 1 of a secret.
func redeploying(t *testing.T, tag string, f func(*testing.T, *redeployer, apprunner.Service)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &redeployer{world: newWorld(t)}
		d.set("1")
		d.SecretDeployer = control.NewSecretDeployer(d.store, d.Control, d.versions, func(region string) apprunner.Place {
			return apprunner.Place{Account: here.Account, Region: region}
		}, discard())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); d.Run(ctx) }()
		change := image("registry.example/web")
		change.Source.Image.Secrets = map[string]string{"DB": "/db"}
		change.Instance = &apprunner.InstanceChange{CPU: "256", Memory: "512", Role: "arn:aws:iam::123456789012:role/web"}
		s, _, err := d.CreateService(t.Context(), here, control.NewService{Name: "web", Change: change, Tags: map[string]string{apprunner.TagRedeploy: tag}})
		if err != nil {
			t.Fatal(err)
		}
		f(t, d, d.end(t, s, "1", true))
		cancel()
		<-done
	})
}

func TestSecretDeploy(t *testing.T) {
	t.Parallel()
	redeploying(t, "true", func(t *testing.T, d *redeployer, s apprunner.Service) {
		if n := d.look(s); n != 0 {
			t.Fatalf("%d deployments of what runs", n)
		}
		d.set("2")
		if n := d.look(s); n != 1 || d.last().Trigger != "SECRET_CHANGE" {
			t.Fatalf("%d deployments of a new version", n)
		}
		d.set("3")
		if n := d.look(s); n != 0 {
			t.Fatalf("%d deployments during one", n)
		}
		s = d.end(t, s, "2", true)
		if n := d.look(s); n != 1 { // what came during the deployment is not lost
			t.Fatalf("%d deployments of what came meanwhile", n)
		}
		s = d.end(t, s, "3", true)
		if n := d.look(s); n != 0 {
			t.Fatalf("%d deployments of the same again", n)
		}
	})
}

// A version that failed is not deployed again, however early it failed.
func TestSecretDeployFails(t *testing.T) {
	t.Parallel()
	for _, got := range []string{"2", ""} {
		redeploying(t, "true", func(t *testing.T, d *redeployer, s apprunner.Service) {
			d.set("2")
			if n := d.look(s); n != 1 {
				t.Fatalf("%d deployments of a new version", n)
			}
			s = d.end(t, s, got, false)
			if n := d.look(s); n != 0 {
				t.Errorf("what failed with version %q is deployed again", got)
			}
			d.set("3")
			if n := d.look(s); n != 1 {
				t.Errorf("%d deployments of what came after a failure", n)
			}
		})
	}
}

// A rollback to a revision with older secrets is left alone.
func TestSecretDeployAfterRollback(t *testing.T) {
	t.Parallel()
	redeploying(t, "true", func(t *testing.T, d *redeployer, s apprunner.Service) {
		d.set("2")
		d.look(s)
		s = d.end(t, s, "2", true)
		if _, _, err := d.Rollback(t.Context(), here, s.ARN, 1); err != nil {
			t.Fatal(err)
		}
		s = d.end(t, s, "1", true)
		if n := d.look(s); n != 0 {
			t.Error("a rollback is deployed over")
		}
	})
}

func TestSecretDeployOnlyWhenWanted(t *testing.T) {
	t.Parallel()
	redeploying(t, "false", func(t *testing.T, d *redeployer, s apprunner.Service) {
		d.set("2")
		if n := d.look(s); n != 0 {
			t.Error("deployed without the tag")
		}
		if err := d.ChangeTags(t.Context(), here, s.ARN, map[string]string{apprunner.TagRedeploy: "true"}, nil); err != nil {
			t.Fatal(err)
		}
		d.set("") // deleted: a deployment could only fail
		if n := d.look(s); n != 0 {
			t.Error("deployed though the secret is gone")
		}
		d.set("2")
		if n := d.look(s); n != 1 {
			t.Error("not deployed with the tag")
		}
	})
}
