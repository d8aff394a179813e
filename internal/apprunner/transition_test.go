package apprunner

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// TestBegin walks the table of what is allowed in which state.
func TestBegin(t *testing.T) {
	t.Parallel()
	const ok, nothing = Code("ok"), Code("nothing to do")
	all := []ServiceStatus{ServiceRunning, ServicePaused, ServiceCreateFailed, ServiceInProgress, ServiceDeleteFailed, ServiceDeleted}
	table := map[OperationType][]Code{ // in the order of all
		UpdateService:   {ok, InvalidState, ok, InvalidState, InvalidState, ResourceNotFound},
		StartDeployment: {ok, InvalidRequest, InvalidRequest, InvalidRequest, InvalidRequest, ResourceNotFound},
		PauseService:    {ok, nothing, InvalidState, InvalidState, InvalidState, ResourceNotFound},
		ResumeService:   {nothing, ok, InvalidState, InvalidState, InvalidState, ResourceNotFound},
		DeleteService:   {ok, ok, ok, InvalidState, ok, ResourceNotFound},
	}
	for operation, wants := range table {
		for i, status := range all {
			before := Service{ID: "s", Status: status}
			after, op, err := Begin(before, operation, "o", noon)
			got := CodeOf(err)
			switch {
			case err == nil && op.ID == "":
				got = nothing
			case err == nil:
				got = ok
			}
			if got != wants[i] {
				t.Errorf("%s on a service that is %s: %s (%v), want %s", operation, status, got, err, wants[i])
			}
			if got == ok && after.Status != ServiceInProgress {
				t.Errorf("%s on a service that is %s leaves it %s", operation, status, after.Status)
			}
			if got != ok && after.Status != status {
				t.Errorf("%s was refused and still changed the status from %s to %s", operation, status, after.Status)
			}
		}
	}
}

// TestLife lets random callers and random failures drive a service: it is never stuck, one
// operation runs at a time, and it always says what it is.
func TestLife(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := Service{ID: "s", Status: ServiceInProgress, Spec: Spec{ScalingARN: "v0"}}
		o := FirstOperation(s, "o", noon)
		good := "" // the spec that last ran
		for n := range rapid.IntRange(1, 60).Draw(t, "steps") {
			if o.Status.Ended() {
				if s.Status == ServiceInProgress {
					t.Fatalf("%s ended as %s and the service is still in progress", o.Type, o.Status)
				}
				kind := rapid.SampledFrom([]OperationType{UpdateService, StartDeployment, PauseService, ResumeService, DeleteService}).Draw(t, "type")
				next, op, err := Begin(s, kind, "o", noon)
				if err != nil || op.ID == "" {
					continue
				}
				s, o = next, op
				if kind == UpdateService {
					s.Spec.ScalingARN = string(rune('a' + n))
				}
				continue
			}
			switch {
			case o.Step == StepRollback:
				s, o = RolledBack(s, o, noon)
				if s.Status == ServiceRunning && s.Spec.ScalingARN != good {
					t.Fatalf("after a rollback the service runs with %q instead of %q", s.Spec.ScalingARN, good)
				}
			case rapid.IntRange(0, 5).Draw(t, "luck") == 0:
				o = Fail(o, "bad luck", noon)
			case o.Step == StepDone:
				s, o = Succeed(s, o, noon)
				if s.Status == ServiceRunning {
					good = s.Spec.ScalingARN
				}
			default:
				before := o.Step
				if o = Advance(o, noon); o.Step == before {
					t.Fatalf("%s does not get beyond %s", o.Type, before)
				}
			}
		}
		// From wherever it is, it can be deleted.
		for !o.Status.Ended() {
			if o.Step == StepDone {
				s, o = Succeed(s, o, noon)
			} else if o.Step == StepRollback {
				s, o = RolledBack(s, o, noon)
			} else {
				o = Advance(o, noon)
			}
		}
		if s.Status == ServiceDeleted {
			return
		}
		if _, _, err := Begin(s, DeleteService, "d", noon); err != nil {
			t.Fatalf("a service that is %s cannot be deleted: %v", s.Status, err)
		}
	})
}

func TestFailedOperations(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason    string
		operation Operation
		service   ServiceStatus
		status    OperationStatus
	}{
		"Create":  {"the service never ran", Operation{Type: CreateService}, ServiceCreateFailed, OperationFailed},
		"Rebuild": {"the service has not run yet", Operation{Type: UpdateService, Rebuild: true}, ServiceCreateFailed, OperationFailed},
		"Update":  {"the old revision serves on", Operation{Type: UpdateService}, ServiceRunning, OperationRollbackSucceeded},
		"Deploy":  {"the old revision serves on", Operation{Type: StartDeployment}, ServiceRunning, OperationRollbackSucceeded},
		"Pause":   {"it runs as before", Operation{Type: PauseService}, ServiceRunning, OperationFailed},
		"Resume":  {"it is paused as before", Operation{Type: ResumeService}, ServicePaused, OperationFailed},
		"Delete":  {"deletion can be tried again", Operation{Type: DeleteService}, ServiceDeleteFailed, OperationFailed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed := Fail(c.operation, "why", noon)
			if failed.Status.Ended() {
				t.Errorf("a failed operation ended as %s before it was rolled back", failed.Status)
			}
			s, o := RolledBack(Service{Status: ServiceInProgress}, failed, noon)
			if s.Status != c.service || o.Status != c.status || o.Reason != "why" {
				t.Errorf("%s: service %s, operation %s (%q); want %s and %s", c.reason, s.Status, o.Status, o.Reason, c.service, c.status)
			}
		})
	}
}
