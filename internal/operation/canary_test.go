package operation_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/fleet"
)

var slower = &fleet.Failure{Reason: "It is slower than the revision before."}

func TestCanary(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		kind    apprunner.OperationType
		fault   error
		status  apprunner.OperationStatus
		serving int
		took    time.Duration
		calls   []string
		event   string
	}{
		"does no worse": {
			kind: apprunner.UpdateService, status: apprunner.OperationSucceeded, serving: 2, took: 2 * time.Minute,
			calls: []string{"Deploy 2", "Deploy 2", "Try 2 with 10 %", "Deploy 2", "Serve 2", "Retire"},
			event: "Revision 2 takes over from its canary. It does no worse.",
		},
		"a deployment": {
			kind: apprunner.StartDeployment, status: apprunner.OperationSucceeded, serving: 2, took: 2 * time.Minute,
			calls: []string{"Deploy 2", "Deploy 2", "Try 2 with 10 %", "Deploy 2", "Serve 2", "Retire"},
			event: "Sending 10 % of requests to revision 2 until ",
		},
		"does worse": {
			kind: apprunner.UpdateService, fault: slower, status: apprunner.OperationRollbackSucceeded, serving: 1,
			calls: []string{"Deploy 2", "Deploy 2", "Try 2 with 10 %", "Serve 1", "Discard"},
			event: "The service was rolled back. The previous version serves on.",
		},
		"the first revision has none beside it": {
			kind: apprunner.CreateService, status: apprunner.OperationSucceeded, serving: 1,
			calls: []string{"Deploy 1", "Deploy 1", "Serve 1", "Retire"}, event: "Service creation completed successfully.",
		},
		"nor has one that is resumed": {
			kind: apprunner.ResumeService, status: apprunner.OperationSucceeded, serving: 1,
			calls: []string{"Deploy 1", "Deploy 1", "Serve 1"}, event: "Service resume completed successfully.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				db := store(t, file(t))
				w := newWorld(db)
				s := w.prepared(t, db, tc.kind)
				w.canary = apprunner.Canary{Percent: 10, For: 2 * time.Minute}
				if tc.fault != nil {
					w.always["Try"] = tc.fault
				}
				w.clear()
				begin := time.Now()
				w.finish(t)
				if took := time.Since(begin); took != tc.took {
					t.Errorf("it took %s, want %s", took, tc.took)
				}
				_, o := state(t, db, s.ID)
				if o.Status != tc.status || number(t, db, w.serving[s.ID]) != tc.serving {
					t.Errorf("%s, revision %d serves", o.Status, number(t, db, w.serving[s.ID]))
				}
				calls := slices.DeleteFunc(w.calls, func(c string) bool {
					return !slices.ContainsFunc([]string{"Deploy", "Try", "Serve", "Retire", "Discard"}, func(p string) bool { return strings.HasPrefix(c, p) })
				})
				if diff := cmp.Diff(tc.calls, calls); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
				if !slices.ContainsFunc(w.events, func(e string) bool { return strings.HasPrefix(e, tc.event) }) {
					t.Errorf("the events lack %q: %q", tc.event, w.events)
				}
				if tc.fault != nil && o.Reason != slower.Reason {
					t.Errorf("the reason is %q", o.Reason)
				}
			})
		})
	}
}

// A daemon that was killed during a canary goes on with it, for the time that is left.
func TestCanaryGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := store(t, file(t))
		w := newWorld(db)
		s := w.prepared(t, db, apprunner.UpdateService)
		w.canary = apprunner.Canary{Percent: 10, For: 2 * time.Minute}
		begin := time.Now()
		if w.life(t, 9) {
			t.Fatal("the operation was not stopped")
		}
		time.Sleep(time.Minute)
		w.canary = apprunner.Canary{} // the tag is gone
		w.clear()
		w.finish(t)
		_, o := state(t, db, s.ID)
		if took := time.Since(begin); o.Status != apprunner.OperationSucceeded || took != 2*time.Minute || w.calls[1] != "Try 2 with 10 %" {
			t.Errorf("%s after %s: %q", o.Status, took, w.calls)
		}
	})
}

// Whoever brings back an older revision wants it at once.
func TestRollbackHasNoCanary(t *testing.T) {
	t.Parallel()
	s := apprunner.Service{RevisionID: "new"}
	for o, want := range map[apprunner.Operation]int{
		{Type: apprunner.StartDeployment, RevisionID: "newer"}:               10,
		{Type: apprunner.StartDeployment, RevisionID: "old", Rollback: true}: 0,
		{Type: apprunner.UpdateService, RevisionID: "newer", Rebuild: true}:  0,
		{Type: apprunner.CreateService, RevisionID: "newer"}:                 0,
	} {
		if got := apprunner.BeginCanary(s, o, apprunner.Canary{Percent: 10, For: time.Minute}, noon).Canary.Percent; got != want {
			t.Errorf("%+v begins with %d %%, want %d", o, got, want)
		}
	}
}
