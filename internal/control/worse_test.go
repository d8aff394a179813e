package control_test

import (
	"strings"
	"testing"

	"github.com/slipway-run/slipway/internal/apprunner"
)

// deployed is a service that runs its second revision, and the ids of the revisions, newest first.
func deployed(t *testing.T, w *world) (apprunner.Service, []string) {
	t.Helper()
	s := w.become(t, w.create(t, "web"), apprunner.ServiceRunning, "sha256:1")
	if _, _, err := w.StartDeployment(t.Context(), here, s.ARN, ""); err != nil {
		t.Fatal(err)
	}
	s = w.become(t, s, apprunner.ServiceRunning, "sha256:2")
	revisions, err := w.Revisions(t.Context(), here, s.ARN)
	if err != nil {
		t.Fatal(err)
	}
	return s, []string{revisions[0].ID, revisions[1].ID}
}

func TestRollBackWorse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, ids := deployed(t, w)
	o, err := w.RollBackWorse(t.Context(), here, s, ids[0], ids[1], "20 of 60 failed.")
	if err != nil || o.RevisionID != ids[1] || !o.Rollback || o.Trigger != "AUTOMATIC_ROLLBACK" || w.last().ID != o.ID {
		t.Fatalf("began %+v, %v", o, err)
	}
	if o.Reason != "Revision 2 is rolled back to revision 1. 20 of 60 failed." {
		t.Errorf("the reason is %q", o.Reason)
	}
	for range 2 { // it is told again and again
		if o, err := w.RollBackWorse(t.Context(), here, s, ids[0], ids[1], "again"); err != nil || o.ID != "" {
			t.Errorf("and again %+v, %v", o, err)
		}
	}
}

// What somebody has done since is what counts.
func TestRollBackWorseLeavesAlone(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		since    func(t *testing.T, w *world, s apprunner.Service, ids []string)
		revision func(ids []string) (worse, previous string)
	}{
		"a revision that was brought back by hand": {since: func(t *testing.T, w *world, s apprunner.Service, _ []string) {
			if _, _, err := w.Rollback(t.Context(), here, s.ARN, 1); err != nil {
				t.Fatal(err)
			}
			w.become(t, s, apprunner.ServiceRunning, "sha256:1")
		}},
		"a rollback that failed": {since: func(t *testing.T, w *world, s apprunner.Service, ids []string) {
			if _, err := w.RollBackWorse(t.Context(), here, s, ids[0], ids[1], "worse"); err != nil {
				t.Fatal(err)
			}
			w.fail(t, s, "the older one does not start any more")
		}},
		"a service that is busy": {since: func(t *testing.T, w *world, s apprunner.Service, _ []string) {
			if _, _, err := w.PauseService(t.Context(), here, s.ARN); err != nil {
				t.Fatal(err)
			}
		}},
		"a revision that serves no longer":  {revision: func(ids []string) (string, string) { return ids[1], ids[0] }},
		"a revision that is kept no longer": {revision: func(ids []string) (string, string) { return ids[0], "gone" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s, ids := deployed(t, w)
			if tc.since != nil {
				tc.since(t, w, s, ids)
			}
			worse, previous := ids[0], ids[1]
			if tc.revision != nil {
				worse, previous = tc.revision(ids)
			}
			before := w.last().ID
			o, err := w.RollBackWorse(t.Context(), here, s, worse, previous, "worse")
			if err != nil && !strings.Contains(err.Error(), "in progress") || o.ID != "" || w.last().ID != before {
				t.Errorf("began %+v, %v", o, err)
			}
		})
	}
}
