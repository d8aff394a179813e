package operation_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/build/plan"
	"github.com/slipway-run/slipway/internal/operation"
	"github.com/slipway-run/slipway/internal/sqlite"
)

// builds is the builder of a world.
type builds struct{ w *world }

func (b builds) Commit(_ context.Context, _ apprunner.Service, id string) (apprunner.Commit, error) {
	if id == "" {
		id = b.w.digest
	}
	return apprunner.Commit{ID: id}, b.w.do("Commit", "%s", id)
}

func (b builds) Build(_ context.Context, _ apprunner.Service, r apprunner.Revision, log operation.BuildLog) (apprunner.Revision, error) {
	log.Line(plan.Build, "making "+r.Commit.ID)
	r.Commit.Tree, r.Digest = "tree-"+r.Commit.ID, "sha256:"+r.Commit.ID
	r.Spec.Image = apprunner.Image{Identifier: "registry.example/built:" + r.Commit.ID, Type: apprunner.ECR, Port: 3000}
	return r, b.w.do("Build", "%s", r.Commit.ID)
}

// createCode stores a service that is built from source code.
func (w *world) createCode(t *testing.T, db *sqlite.Store) apprunner.Service {
	t.Helper()
	spec := apprunner.DefaultSpec()
	spec.Code = &apprunner.CodeRepository{URL: "https://git.example/shop.git", Branch: "main", Directory: "/"}
	s := apprunner.Service{
		ID: apprunner.NewID(), Name: "web", Region: here.Region, Subdomain: apprunner.NewSubdomain(),
		Status: apprunner.ServiceInProgress, Spec: spec, CreatedAt: noon, UpdatedAt: noon,
	}
	err := db.CreateService(t.Context(), here, func(_ []apprunner.Service, all apprunner.Scalings, _ apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
		s.Spec.ScalingARN = all.Default().ARN
		return s, apprunner.FirstOperation(s, apprunner.NewID(), noon), nil
	}, nil)
	must(t, err)
	return s
}

// A service of source code is built, and only that; the revision has what came out of it.
func TestCode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := store(t, file(t))
		w := newWorld(db)
		s := w.createCode(t, db)
		w.digest = "c1"
		w.finish(t)
		want := []string{"Commit c1", "Build c1", "Endpoints", "Pull registry.example/built@sha256:c1", "Deploy 1", "Deploy 1", "Serve 1", "Retire", "KeepImages 1"}
		if diff := cmp.Diff(want, w.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		log := []string{
			"[Build] making c1", "Successfully built your application source code.",
			"Starting to deploy your application source code.", "Successfully deployed your application source code.",
		}
		if diff := cmp.Diff(log, w.log[1:]); diff != "" {
			t.Errorf("deployment log (-want +got):\n%s", diff)
		}
		if told := strings.Join(w.events, "\n"); strings.Contains(told, "image from") || strings.Contains(told, "Pulling image") {
			t.Errorf("the events speak of an image that the owner never named:\n%s", told)
		}
		got, _ := state(t, db, s.ID)
		r, err := db.Revision(t.Context(), got.RevisionID)
		must(t, err)
		if r.Spec.Image.Port != 3000 || r.Source() != "tree-c1" || !r.Served || got.Spec.Image.Identifier != "" {
			t.Errorf("revision %+v of service %+v", r, got.Spec)
		}
	})
}

// A build that fails ends the operation at once, with its last lines in the log.
func TestBuildThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := store(t, file(t))
		w := newWorld(db)
		s := w.createCode(t, db)
		w.faults["Build"] = []error{&plan.Failure{Phase: plan.Build, Reason: "pip install failed with exit code 1.", Output: []string{"no such package"}}}
		w.finish(t)
		got, o := state(t, db, s.ID)
		if got.Status != apprunner.ServiceCreateFailed || o.Reason != "pip install failed with exit code 1." {
			t.Errorf("the service is %s, the operation failed because of %q", got.Status, o.Reason)
		}
		log := strings.Join(w.log, "\n")
		for _, line := range []string{"Failed to build your application source code. Reason: pip install failed with exit code 1.", "no such package"} {
			if !strings.Contains(log, line) {
				t.Errorf("the deployment log lacks %q:\n%s", line, log)
			}
		}
	})
}

// A rollback brings an older revision back without looking at the source.
func TestRollback(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := store(t, file(t))
		w := newWorld(db)
		s := w.createCode(t, db)
		w.digest = "c1"
		w.finish(t)
		begin(t, db, s.ID, apprunner.StartDeployment)
		w.digest = "c2"
		w.finish(t)
		w.clear()
		err := db.ChangeService(t.Context(), here, s.ID, func(s apprunner.Service, _ apprunner.Scalings, _ apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
			revisions, err := db.Revisions(t.Context(), s.ID)
			must(t, err)
			return apprunner.BeginRollback(s, revisions[1], apprunner.NewID(), noon)
		})
		must(t, err)
		w.finish(t)
		want := []string{"Endpoints", "Pull registry.example/built@sha256:c1", "Deploy 1", "Deploy 1", "Serve 1", "Retire", "KeepImages 2"}
		if diff := cmp.Diff(want, w.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		if !strings.Contains(strings.Join(w.log, "\n"), "Triggering event : ROLLBACK") {
			t.Errorf("the log does not say why: %q", w.log)
		}
	})
}
