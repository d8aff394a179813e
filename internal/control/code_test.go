package control_test

import (
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

func TestDeployCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, _, err := w.CreateService(t.Context(), here, code("https://git.example/shop.git"))
	wantCode(t, err, "", "")
	s = w.become(t, s, apprunner.ServiceRunning, "sha256:1")
	_, o, err := w.DeployCommit(t.Context(), here, s.ARN, "abc123")
	if err != nil || o.Commit != "abc123" || !o.Builds || w.last().ID != o.ID {
		t.Errorf("began %+v (%v)", o, err)
	}
	image := w.become(t, w.create(t, "image"), apprunner.ServiceRunning, "sha256:1")
	_, _, err = w.DeployCommit(t.Context(), here, image.ARN, "abc123")
	wantCode(t, err, apprunner.InvalidRequest, "has no commits")
}

func TestRollbackOfAService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.become(t, w.create(t, "web"), apprunner.ServiceRunning, "sha256:1")
	_, _, err := w.Rollback(t.Context(), here, s.ARN, 0)
	wantCode(t, err, apprunner.InvalidRequest, "no revision older")
	if _, _, err := w.StartDeployment(t.Context(), here, s.ARN, ""); err != nil {
		t.Fatal(err)
	}
	s = w.become(t, s, apprunner.ServiceRunning, "sha256:2")
	_, o, err := w.Rollback(t.Context(), here, s.ARN, 1)
	revisions, _ := w.Revisions(t.Context(), here, s.ARN)
	if err != nil || o.RevisionID != revisions[1].ID || w.last().ID != o.ID {
		t.Errorf("began %+v (%v); revisions %+v", o, err, revisions)
	}
	_, _, err = w.Rollback(t.Context(), here, s.ARN, 1)
	wantCode(t, err, apprunner.InvalidRequest, "operation in progress")
}

// App Runner's own words, which its users look for.
func TestConfigurationSourceOfAFailedService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, _, err := w.CreateService(t.Context(), here, code("https://git.example/shop.git"))
	wantCode(t, err, "", "")
	w.fail(t, s, "")
	change := code("https://git.example/shop.git").Change
	change.Source.Code.Source, change.Source.Code.Values = apprunner.FromAPI, &apprunner.CodeValuesChange{Runtime: "PYTHON_311"}
	_, _, err = w.UpdateService(t.Context(), here, s.ARN, change)
	wantCode(t, err, apprunner.InvalidRequest, "ConfigurationSource cannot be changed from REPOSITORY to API for CREATE_FAILED services.")
}

// A commit that somebody chose stays until the next push.
func TestAutoDeployAfterAChosenCommit(t *testing.T) {
	t.Parallel()
	deploying(t, func(t *testing.T, d *deployer) {
		s := d.become(t, d.create(t, "web"), apprunner.ServiceRunning, "sha256:1")
		d.push("sha256:2")
		if n := d.look(s); n != 1 {
			t.Fatalf("%d deployments of something new", n)
		}
		s = d.become(t, s, apprunner.ServiceRunning, "sha256:2")
		all, err := d.store.Operations(t.Context(), s.ID)
		if err != nil {
			t.Fatal(err)
		}
		chosen := all[0]
		chosen.ID, chosen.Commit, chosen.StartedAt = apprunner.NewID(), "c1", chosen.StartedAt.Add(time.Second)
		if err := d.store.Record(t.Context(), s, chosen, nil); err != nil {
			t.Fatal(err)
		}
		s = d.become(t, s, apprunner.ServiceRunning, "sha256:1")
		if n := d.look(s); n != 0 {
			t.Errorf("%d deployments of what the chosen commit came instead of", n)
		}
		d.push("sha256:3")
		if n := d.look(s); n != 1 {
			t.Errorf("%d deployments of the next push", n)
		}
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.create(t, "web")
	o, err := w.Control.Cancel(t.Context(), here, s.ARN)
	if err != nil || o.ID != w.last().ID {
		t.Errorf("cancelled %+v (%v)", o, err)
	}
	w.become(t, s, apprunner.ServiceRunning, "sha256:1")
	_, err = w.Control.Cancel(t.Context(), here, s.ARN)
	wantCode(t, err, apprunner.InvalidRequest, "No operation of the service is in progress")
	if _, _, err := w.DeleteService(t.Context(), here, s.ARN); err != nil {
		t.Fatal(err)
	}
	_, err = w.Control.Cancel(t.Context(), here, s.ARN)
	wantCode(t, err, apprunner.InvalidRequest, "cannot be cancelled any more")
}
