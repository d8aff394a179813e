package operation_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// An operation that ends while another one pulls does not delete the image that belongs to no
// revision yet.
func TestSweepSparesWhatIsPulled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := store(t, file(t))
		w := newWorld(db)
		s := w.prepared(t, db, apprunner.UpdateService)
		w.digest = "sha256:new"
		w.pulling = make(chan struct{})
		r := w.runner()
		if err := r.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // now it pulls
		other := apprunner.Service{
			ID: apprunner.NewID(), Name: "other", Region: here.Region, Subdomain: apprunner.NewSubdomain(),
			Status: apprunner.ServiceCreateFailed, Spec: apprunner.DefaultSpec(), CreatedAt: noon, UpdatedAt: noon,
		}
		deletion := apprunner.FirstOperation(other, apprunner.NewID(), noon)
		deletion.Type, deletion.Step = apprunner.DeleteService, apprunner.DeleteService.FirstStep()
		err := db.CreateService(t.Context(), here, func([]apprunner.Service, apprunner.Scalings, apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
			return other, deletion, nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Submit(deletion)
		synctest.Wait() // it has ended
		if _, o := state(t, db, other.ID); o.Status != apprunner.OperationSucceeded {
			t.Fatalf("the deletion is %s", o.Status)
		}
		if !slices.Contains(w.images, "registry.example/web@sha256:new") {
			t.Error("the image was deleted while it was pulled")
		}
		close(w.pulling)
		r.Wait()
		if got, o := state(t, db, s.ID); o.Status != apprunner.OperationSucceeded || number(t, db, got.RevisionID) != 2 {
			t.Errorf("the update is %s: %s", o.Status, o.Reason)
		}
		if slices.Contains(w.calls, "Deploy without its image") {
			t.Error("the revision was deployed without its image")
		}
	})
}

// However often a service is deployed, well or badly, it keeps ten revisions and their images, the one
// that serves and the one before.
func TestRevisionsAreBounded(t *testing.T) {
	t.Parallel()
	db := store(t, file(t))
	w := newWorld(db)
	s, _ := w.create(t, db)
	w.finish(t)
	for _, c := range []struct {
		err  error
		most int
	}{{nil, 10}, {failure, 12}, {nil, 10}} {
		for n := range 12 {
			begin(t, db, s.ID, apprunner.StartDeployment)
			w.digest = fmt.Sprintf("sha256:%d", n)
			w.always["Deploy"] = c.err
			w.finish(t)
		}
		revisions, err := db.Revisions(t.Context(), s.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(revisions) > c.most {
			t.Errorf("%d revisions are kept after deployments that end with %v", len(revisions), c.err)
		}
		if len(w.images) > c.most {
			t.Errorf("%d images are kept", len(w.images))
		}
		if got, _ := state(t, db, s.ID); number(t, db, got.RevisionID) == 0 || w.serving[s.ID] != got.RevisionID {
			t.Errorf("the revision that serves was dropped")
		}
	}
}

// Who goes back to what served well, time and again, can do so however many revisions came and went since.
func TestRevisionToGoBackToStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := store(t, file(t))
		w := newWorld(db)
		s, _ := w.create(t, db)
		w.digest = "sha256:good"
		w.finish(t)
		good, _ := state(t, db, s.ID)
		for n := range 12 {
			time.Sleep(time.Minute)
			begin(t, db, s.ID, apprunner.StartDeployment)
			w.digest = fmt.Sprintf("sha256:%d", n)
			w.finish(t)
			err := db.ChangeService(t.Context(), here, s.ID, func(s apprunner.Service, _ apprunner.Scalings, _ apprunner.Resources) (apprunner.Service, apprunner.Operation, error) {
				all, err := db.Revisions(t.Context(), s.ID)
				must(t, err)
				older, err := apprunner.Older(s, all, 0)
				if err != nil || older.ID != good.RevisionID {
					t.Fatalf("after %d deployments a rollback goes to revision %d: %v", n+1, older.Number, err)
				}
				return apprunner.BeginRollback(s, older, apprunner.NewID(), noon)
			})
			must(t, err)
			time.Sleep(time.Minute)
			w.finish(t)
		}
	})
}
