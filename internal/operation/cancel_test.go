package operation_test

import (
	"testing"
	"testing/synctest"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// A deployment that is cancelled leaves everything as it was, whatever it was doing.
func TestCancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := store(t, file(t))
		w := newWorld(db)
		s := w.prepared(t, db, apprunner.UpdateService)
		w.digest = "sha256:new"
		w.pulling = make(chan struct{}) // for ever
		r := w.runner()
		must(t, r.Start(t.Context()))
		synctest.Wait() // now it pulls
		_, o := state(t, db, s.ID)
		if !r.Cancel(o.ID) {
			t.Fatal("the operation does not run")
		}
		r.Wait()
		got, o := state(t, db, s.ID)
		if o.Status != apprunner.OperationRollbackSucceeded || o.Reason != "The operation was cancelled." {
			t.Errorf("the operation is %s: %s", o.Status, o.Reason)
		}
		if got.Status != apprunner.ServiceRunning || number(t, db, w.serving[s.ID]) != 1 || got.Spec.Image.Start != "" {
			t.Errorf("the service is %s with revision %d and %q", got.Status, number(t, db, w.serving[s.ID]), got.Spec.Image.Start)
		}
		if r.Cancel(o.ID) {
			t.Error("an operation that has ended was cancelled")
		}
	})
}

// What sends traffic is not stopped half way.
func TestCancelTooLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := store(t, file(t))
		w := newWorld(db)
		s := w.prepared(t, db, apprunner.UpdateService)
		w.digest = "sha256:2"
		r := w.runner()
		r.Recorded = func(o apprunner.Operation) {
			if o.Step == apprunner.StepRoute {
				go r.Cancel(o.ID)
			}
		}
		must(t, r.Start(t.Context()))
		r.Wait()
		if _, o := state(t, db, s.ID); o.Status != apprunner.OperationSucceeded {
			t.Errorf("the operation is %s: %s", o.Status, o.Reason)
		}
	})
}
