package operation_test

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
)

const digest1 = "registry.example/web@sha256:1"

// TestSuccess does one of each after the other and looks at everything it leaves behind.
func TestSuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := store(t, file(t))
		w := newWorld(db)
		s, first := w.create(t, db)
		for _, c := range []struct {
			kind    apprunner.OperationType
			digest  string
			status  apprunner.ServiceStatus
			steps   []string
			calls   []string
			events  []string
			log     []string
			serving int // number of the revision, 0 for none
		}{
			{
				kind: apprunner.CreateService, digest: "sha256:1", status: apprunner.ServiceRunning, serving: 1,
				steps: []string{"PENDING resolve", "IN_PROGRESS pull", "IN_PROGRESS provision", "IN_PROGRESS route", "IN_PROGRESS drain", "IN_PROGRESS done", "SUCCEEDED done"},
				calls: []string{"Resolve registry.example/web:1", "Endpoints", "Pull " + digest1, "Deploy 1", "Deploy 1", "Serve 1", "Retire", "KeepImages 1"},
				events: []string{
					"Service creation started.",
					"Service status is set to OPERATION_IN_PROGRESS.",
					"Pulling image registry.example/web:1 from registry.example repository.",
					"Successfully pulled image from registry.example.",
					"Provisioning instances and deploying image for publicly accessible service.",
					"Performing health check on protocol `TCP` [Port: '8080'].",
					"Health check is successful. Routing traffic to application.",
					"Successfully routed incoming traffic to application.",
					"Service creation completed successfully.",
					"Service status is set to RUNNING.",
				},
				log: []string{
					"Deployment with ID : " + first.ID + " started. Triggering event : SERVICE_CREATE",
					"Starting to pull your application image.",
					"Successfully pulled your application image from registry.example.",
					"Starting to deploy your application image.",
					"Successfully deployed your application image.",
				},
			},
			{
				kind: apprunner.UpdateService, digest: "sha256:2", status: apprunner.ServiceRunning, serving: 2,
				steps: []string{"PENDING resolve", "IN_PROGRESS pull", "IN_PROGRESS provision", "IN_PROGRESS route", "IN_PROGRESS drain", "IN_PROGRESS done", "SUCCEEDED done"},
				calls: []string{"Resolve registry.example/web:1", "Endpoints", "Pull registry.example/web@sha256:2", "Deploy 2", "Deploy 2", "Serve 2", "Retire", "KeepImages 2"},
				events: []string{
					"Service update started.",
					"Service status is set to OPERATION_IN_PROGRESS.",
					"Pulling image registry.example/web:1 from registry.example repository.",
					"Successfully pulled image from registry.example.",
					"Provisioning instances and deploying image for publicly accessible service.",
					"Performing health check on protocol `TCP` [Port: '8080'].",
					"Health check is successful. Routing traffic to application.",
					"Successfully routed incoming traffic to application.",
					"Service update completed successfully. New application and configuration is deployed.",
					"Service status is set to RUNNING.",
				},
			},
			{
				kind: apprunner.StartDeployment, digest: "sha256:3", status: apprunner.ServiceRunning, serving: 3,
				steps: []string{"PENDING resolve", "IN_PROGRESS pull", "IN_PROGRESS provision", "IN_PROGRESS route", "IN_PROGRESS drain", "IN_PROGRESS done", "SUCCEEDED done"},
				calls: []string{"Resolve registry.example/web:1", "Endpoints", "Pull registry.example/web@sha256:3", "Deploy 3", "Deploy 3", "Serve 3", "Retire", "KeepImages 3"},
			},
			{
				kind: apprunner.PauseService, status: apprunner.ServicePaused,
				steps:  []string{"PENDING stop", "IN_PROGRESS done", "SUCCEEDED done"},
				calls:  []string{"Stop paused", "KeepImages 3"},
				events: []string{"Service pause started.", "Service status is set to OPERATION_IN_PROGRESS.", "Service pause completed successfully.", "Service status is set to PAUSED."},
			},
			{
				kind: apprunner.ResumeService, digest: "sha256:4", status: apprunner.ServiceRunning, serving: 3,
				steps: []string{"PENDING pull", "IN_PROGRESS provision", "IN_PROGRESS route", "IN_PROGRESS done", "SUCCEEDED done"},
				calls: []string{"Endpoints", "Pull registry.example/web@sha256:3", "Deploy 3", "Deploy 3", "Serve 3", "KeepImages 3"},
				events: []string{
					"Service resume started.",
					"Service status is set to OPERATION_IN_PROGRESS.",
					"Pulling image registry.example/web:1 from registry.example repository.",
					"Successfully pulled image from registry.example.",
					"Provisioning instances and deploying image for publicly accessible service.",
					"Performing health check on protocol `TCP` [Port: '8080'].",
					"Health check is successful. Routing traffic to application.",
					"Successfully routed incoming traffic to application.",
					"Service resume completed successfully.",
					"Service status is set to RUNNING.",
				},
			},
			{
				kind: apprunner.DeleteService, status: apprunner.ServiceDeleted,
				steps:  []string{"PENDING stop", "IN_PROGRESS forget", "IN_PROGRESS done", "SUCCEEDED done"},
				calls:  []string{"Stop deleted", "KeepImages 0"},
				events: []string{"Service deletion started.", "Service status is set to OPERATION_IN_PROGRESS.", "Service deletion completed successfully.", "Service status is set to DELETED."},
			},
		} {
			if w.clear(); c.kind != apprunner.CreateService {
				begin(t, db, s.ID, c.kind)
			}
			w.digest = c.digest
			w.finish(t)
			got, o := state(t, db, s.ID)
			if got.Status != c.status || o.Status != apprunner.OperationSucceeded || o.Reason != "" || o.EndedAt.IsZero() {
				t.Errorf("%s: the service is %s, the operation %s (%q)", c.kind, got.Status, o.Status, o.Reason)
			}
			for what, lists := range map[string][2][]string{"steps": {c.steps, w.steps}, "calls": {c.calls, w.calls}, "events": {c.events, w.events}, "deployment log": {c.log, w.log}} {
				if diff := cmp.Diff(lists[0], lists[1]); diff != "" && lists[0] != nil {
					t.Errorf("%s: %s (-want +got):\n%s", c.kind, what, diff)
				}
			}
			if n := number(t, db, w.serving[s.ID]); n != c.serving {
				t.Errorf("%s: revision %d gets traffic, want %d", c.kind, n, c.serving)
			}
			if live, want := len(w.live[s.ID]), min(c.serving, 1); live != want {
				t.Errorf("%s: %d revisions have instances, want %d", c.kind, live, want)
			}
			if !c.kind.Deploys() && len(w.log) > 0 {
				t.Errorf("%s deploys nothing and wrote a deployment log: %q", c.kind, w.log)
			}
		}
	})
}

// An automatic deployment says in its log what triggered it.
func TestTrigger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := store(t, file(t))
		w := newWorld(db)
		s, _ := w.create(t, db)
		w.finish(t)
		w.clear()
		r := w.runner()
		if err := r.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		o := begin(t, db, s.ID, apprunner.StartDeployment)
		o.Trigger = "AUTO_DEPLOYMENT"
		r.Submit(o)
		r.Wait()
		if want := "Deployment with ID : " + o.ID + " started. Triggering event : AUTO_DEPLOYMENT"; w.log[0] != want {
			t.Errorf("the log begins with %q, want %q", w.log[0], want)
		}
	})
}

// The end of an operation is told once, when the store has it.
func TestEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := store(t, file(t))
		w := newWorld(db)
		s, _ := w.create(t, db)
		r := w.runner()
		var told []string
		r.Ended = func(id string) {
			got, _ := state(t, db, id)
			told = append(told, string(got.Status))
		}
		if err := r.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.Wait()
		if diff := cmp.Diff([]string{"RUNNING"}, told); diff != "" {
			t.Errorf("ends of %s (-want +got):\n%s", s.Name, diff)
		}
	})
}
