package operation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/engine"
	"github.com/slipway-run/slipway/internal/fleet"
	"github.com/slipway-run/slipway/internal/sqlite"
)

// number is that of a revision, 0 for one that is not there.
func number(t testing.TB, db *sqlite.Store, id string) int {
	t.Helper()
	r, err := db.Revision(t.Context(), id)
	if err != nil && apprunner.CodeOf(err) != apprunner.ResourceNotFound {
		t.Fatal(err)
	}
	return r.Number
}

var (
	failure  = &fleet.Failure{Reason: "The application listens on port 3000 instead.", Output: []string{"listening on 3000", "ready"}}
	notFound = engine.Errorf(engine.ImageNotFound, "registry.example has no web:1")
	denied   = engine.Errorf(engine.AccessDenied, "registry.example refuses the credentials")
	refused  = apprunner.Errorf(apprunner.InvalidRequest, "the identifier is not valid")
)

// prepared brings a service to the state that an operation of this kind begins in.
func (w *world) prepared(t testing.TB, db *sqlite.Store, kind apprunner.OperationType) apprunner.Service {
	t.Helper()
	s, _ := w.create(t, db)
	if kind == apprunner.CreateService {
		return s
	}
	w.finish(t)
	if kind == apprunner.ResumeService {
		begin(t, db, s.ID, apprunner.PauseService)
		w.finish(t)
	}
	begin(t, db, s.ID, kind)
	return s
}

func TestFailures(t *testing.T) {
	t.Parallel()
	const failed, rolledBack = apprunner.OperationFailed, apprunner.OperationRollbackSucceeded
	for _, c := range []struct {
		kind    apprunner.OperationType
		method  string
		err     error
		status  apprunner.OperationStatus
		service apprunner.ServiceStatus
		undo    []string // calls after the failed one
	}{
		{apprunner.CreateService, "Resolve", notFound, failed, apprunner.ServiceCreateFailed, []string{"Stop failed", "KeepImages 0"}},
		{apprunner.CreateService, "Resolve", refused, failed, apprunner.ServiceCreateFailed, []string{"Stop failed", "KeepImages 0"}},
		{apprunner.CreateService, "Endpoints", denied, failed, apprunner.ServiceCreateFailed, []string{"Discard", "Stop failed", "KeepImages 0"}},
		{apprunner.CreateService, "Pull", denied, failed, apprunner.ServiceCreateFailed, []string{"Discard", "Stop failed", "KeepImages 0"}},
		{apprunner.CreateService, "Deploy", failure, failed, apprunner.ServiceCreateFailed, []string{"Discard", "Stop failed", "KeepImages 1"}},
		{apprunner.UpdateService, "Resolve", notFound, rolledBack, apprunner.ServiceRunning, []string{"Serve 1", "KeepImages 1"}},
		{apprunner.UpdateService, "Pull", notFound, rolledBack, apprunner.ServiceRunning, []string{"Serve 1", "Discard", "KeepImages 1"}},
		{apprunner.UpdateService, "Deploy", failure, rolledBack, apprunner.ServiceRunning, []string{"Serve 1", "Discard", "KeepImages 2"}},
		{apprunner.StartDeployment, "Resolve", denied, rolledBack, apprunner.ServiceRunning, []string{"Serve 1", "KeepImages 1"}},
		{apprunner.StartDeployment, "Pull", denied, rolledBack, apprunner.ServiceRunning, []string{"Serve 1", "Discard", "KeepImages 1"}},
		{apprunner.StartDeployment, "Deploy", failure, rolledBack, apprunner.ServiceRunning, []string{"Serve 1", "Discard", "KeepImages 2"}},
		{apprunner.ResumeService, "Pull", denied, failed, apprunner.ServicePaused, []string{"Stop paused", "KeepImages 1"}},
		{apprunner.ResumeService, "Deploy", failure, failed, apprunner.ServicePaused, []string{"Stop paused", "KeepImages 1"}},
		{apprunner.PauseService, "Stop", refused, failed, apprunner.ServiceRunning, []string{"Serve 1", "KeepImages 1"}},
		{apprunner.DeleteService, "Stop", refused, failed, apprunner.ServiceDeleteFailed, []string{"KeepImages 1"}},
	} {
		t.Run(fmt.Sprintf("%s fails in %s", c.kind, c.method), func(t *testing.T) {
			t.Parallel()
			db := store(t, file(t))
			w := newWorld(db)
			s := w.prepared(t, db, c.kind)
			before, _ := db.Operations(t.Context(), s.ID)
			w.clear()
			w.digest = "sha256:2"
			w.faults[c.method] = []error{c.err}
			w.finish(t)

			got, o := state(t, db, s.ID)
			if got.Status != c.service || o.Status != c.status || o.Reason != c.err.Error() || o.EndedAt.IsZero() {
				t.Errorf("the service is %s, the operation %s because of %q; want %s, %s and %q", got.Status, o.Status, o.Reason, c.service, c.status, c.err)
			}
			at := slices.IndexFunc(w.calls, func(call string) bool { return strings.HasPrefix(call, c.method) })
			if diff := cmp.Diff(c.undo, w.calls[at+1:]); diff != "" {
				t.Errorf("calls after the failure (-want +got):\n%s", diff)
			}
			if start := got.Spec.Image.Start; start != "" {
				t.Errorf("the service keeps what the failed update set: %q", start)
			}
			serves := c.service == apprunner.ServiceRunning
			if (w.serving[s.ID] == got.RevisionID && got.RevisionID != "") != serves {
				t.Errorf("traffic goes to %q; the service is %s with revision %q", w.serving[s.ID], got.Status, got.RevisionID)
			}
			told := strings.Join(append(w.events, w.log...), "\n")
			if !strings.Contains(told, c.err.Error()) || !strings.Contains(told, "failed. For details, see service logs.\n") || !strings.HasSuffix(strings.Join(w.events, "\n"), "Service status is set to "+string(c.service)+".") {
				t.Errorf("the owner is told:\n%s", told)
			}
			if c.err == error(failure) && c.kind.Deploys() && !slices.Contains(w.log, "Application output: listening on 3000") {
				t.Errorf("the deployment log has no output of the application:\n%s", strings.Join(w.log, "\n"))
			}
			if after, _ := db.Operations(t.Context(), s.ID); len(after) != len(before) {
				t.Errorf("there are %d operations, were %d", len(after), len(before))
			}
		})
	}
}

// What the machine does wrong for a while is tried again and does not show.
func TestPassingFaults(t *testing.T) {
	t.Parallel()
	for _, kind := range []apprunner.OperationType{apprunner.CreateService, apprunner.UpdateService, apprunner.ResumeService, apprunner.PauseService, apprunner.DeleteService} {
		for _, method := range []string{"Resolve", "Endpoints", "Pull", "Deploy", "Retire", "Stop", "KeepImages"} {
			t.Run(string(kind)+" "+method, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					db := store(t, file(t))
					w := newWorld(db)
					s := w.prepared(t, db, kind)
					w.clear()
					w.faults[method] = []error{errMachine, errMachine, errMachine}
					w.finish(t)
					if _, o := state(t, db, s.ID); o.Status != apprunner.OperationSucceeded {
						t.Errorf("the operation is %s: %s", o.Status, o.Reason)
					}
				})
			})
		}
	}
}

// What a deployment half started is discarded before it is tried again.
func TestDeployIsTriedAgainFromNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := store(t, file(t))
		w := newWorld(db)
		w.create(t, db)
		w.faults["Deploy"] = []error{errMachine}
		w.finish(t)
		want := []string{"Deploy 1", "Discard", "Deploy 1", "Deploy 1", "Serve 1"}
		if diff := cmp.Diff(want, w.calls[3:8]); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

// What the machine does wrong for good ends the operation after two minutes a step, with a reason.
func TestLastingFaults(t *testing.T) {
	t.Parallel()
	const because = "Slipway could not do it, and tried for 2m0s: the disk is on fire"
	for _, c := range []struct {
		kind    apprunner.OperationType
		method  string
		status  apprunner.OperationStatus
		service apprunner.ServiceStatus
		serving int
	}{
		{apprunner.CreateService, "Resolve", apprunner.OperationFailed, apprunner.ServiceCreateFailed, 0},
		{apprunner.CreateService, "Pull", apprunner.OperationFailed, apprunner.ServiceCreateFailed, 0},
		{apprunner.CreateService, "Deploy", apprunner.OperationFailed, apprunner.ServiceCreateFailed, 0},
		{apprunner.UpdateService, "Deploy", apprunner.OperationRollbackSucceeded, apprunner.ServiceRunning, 1},
		{apprunner.ResumeService, "Deploy", apprunner.OperationFailed, apprunner.ServicePaused, 0},
		{apprunner.PauseService, "Stop", apprunner.OperationFailed, apprunner.ServiceRunning, 1},
		{apprunner.DeleteService, "Stop", apprunner.OperationFailed, apprunner.ServiceDeleteFailed, 0},
	} {
		t.Run(fmt.Sprintf("%s fails in %s", c.kind, c.method), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				db := store(t, file(t))
				w := newWorld(db)
				s := w.prepared(t, db, c.kind)
				w.clear()
				w.always[c.method] = errMachine
				begin := time.Now()
				w.finish(t)
				got, o := state(t, db, s.ID)
				if got.Status != c.service || o.Status != c.status || o.Reason != because {
					t.Errorf("the service is %s, the operation %s because of %q", got.Status, o.Status, o.Reason)
				}
				if took := time.Since(begin); took < 2*time.Minute || took > 5*time.Minute {
					t.Errorf("it was tried for %v", took)
				}
				if n := number(t, db, w.serving[s.ID]); n != c.serving || number(t, db, got.RevisionID) != max(n, min(1, number(t, db, got.RevisionID))) {
					t.Errorf("revision %d gets traffic and the service says revision %d; want %d", n, number(t, db, got.RevisionID), c.serving)
				}
				if got.Spec.Image.Start != "" {
					t.Errorf("the service keeps the new configuration %q", got.Spec.Image.Start)
				}
			})
		})
	}
}

// A step that cannot be recorded waits for the store: neither forward nor back without it.
func TestStoreThatIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := store(t, file(t))
		w := newWorld(db)
		s := w.prepared(t, db, apprunner.UpdateService)
		w.digest = "sha256:2"
		for range 100 {
			w.faults["Record drain"] = append(w.faults["Record drain"], errMachine)
		}
		w.finish(t)
		if got, o := state(t, db, s.ID); got.Status != apprunner.ServiceRunning || o.Status != apprunner.OperationSucceeded || number(t, db, got.RevisionID) != 2 {
			t.Errorf("the service is %s with revision %d, the operation %s (%s)", got.Status, number(t, db, got.RevisionID), o.Status, o.Reason)
		}
	})
}

// Once the new revision gets traffic the update is not taken back: what is left of the old one can
// wait.
func TestDrainThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := store(t, file(t))
		w := newWorld(db)
		s := w.prepared(t, db, apprunner.UpdateService)
		w.digest = "sha256:2"
		w.always["Retire"] = errMachine
		w.finish(t)
		got, o := state(t, db, s.ID)
		if got.Status != apprunner.ServiceRunning || o.Status != apprunner.OperationSucceeded {
			t.Errorf("the service is %s, the operation %s (%s)", got.Status, o.Status, o.Reason)
		}
		if number(t, db, w.serving[s.ID]) != 2 || number(t, db, got.RevisionID) != 2 || got.Spec.Image.Start != "serve --new" {
			t.Errorf("traffic goes to %d; the service says %d with %q", number(t, db, w.serving[s.ID]), number(t, db, got.RevisionID), got.Spec.Image.Start)
		}
	})
}

// A rollback that fails as well ends, and says so.
func TestRollbackThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := store(t, file(t))
		w := newWorld(db)
		s := w.prepared(t, db, apprunner.UpdateService)
		w.always["Deploy"], w.always["Discard"] = failure, errMachine
		w.finish(t)
		got, o := state(t, db, s.ID)
		if got.Status != apprunner.ServiceRunning || o.Status != apprunner.OperationRollbackFailed || o.Reason != failure.Reason {
			t.Errorf("the service is %s, the operation %s because of %q", got.Status, o.Status, o.Reason)
		}
	})
}

// A service that never ran is built again by an update, and fails again as it did.
func TestRebuild(t *testing.T) {
	t.Parallel()
	db := store(t, file(t))
	w := newWorld(db)
	s, _ := w.create(t, db)
	w.faults["Deploy"] = []error{failure, failure}
	w.finish(t)
	for n, want := range []apprunner.ServiceStatus{apprunner.ServiceCreateFailed, apprunner.ServiceRunning} {
		o := begin(t, db, s.ID, apprunner.UpdateService)
		if !o.Rebuild {
			t.Fatal("not a rebuild")
		}
		w.finish(t)
		if got, _ := state(t, db, s.ID); got.Status != want {
			t.Errorf("after rebuild %d the service is %s, want %s", n+1, got.Status, want)
		}
	}
}
