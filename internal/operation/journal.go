package operation

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/fleet"
)

// The messages are those that App Runner writes, so that what reads its logs reads ours.

func (j *job) event(format string, args ...any) {
	j.Journal.Event(j.service, fmt.Sprintf(format, args...))
}

// deployment writes to the deployment log, which operations that deploy have.
func (j *job) deployment(format string, args ...any) {
	if j.operation.Type.Deploys() {
		j.Journal.Deployment(j.service, j.operation.ID, fmt.Sprintf(format, args...))
	}
}

// artifact is how messages speak of what is deployed.
func (j *job) artifact() string {
	if j.operation.Builds {
		return "application source code"
	}
	return "application image"
}

// words are how events speak of each type of operation.
var words = map[apprunner.OperationType]struct{ what, trigger string }{
	apprunner.CreateService:   {"Service creation", "SERVICE_CREATE"},
	apprunner.UpdateService:   {"Service update", "SERVICE_UPDATE"},
	apprunner.StartDeployment: {"Deployment", "MANUAL_DEPLOYMENT"},
	apprunner.PauseService:    {"Service pause", ""},
	apprunner.ResumeService:   {"Service resume", ""},
	apprunner.DeleteService:   {"Service deletion", ""},
}

// announce tells that the operation begins.
func (j *job) announce() {
	w := words[j.operation.Type]
	j.event("%s started.", w.what)
	j.event("Service status is set to OPERATION_IN_PROGRESS.")
	trigger := cmp.Or(j.operation.Trigger, w.trigger)
	if j.operation.Rollback {
		trigger = cmp.Or(j.operation.Trigger, "ROLLBACK")
	}
	if j.operation.Reason != "" { // it was begun for one
		j.event("%s", j.operation.Reason)
		j.deployment("%s", j.operation.Reason)
	}
	j.deployment("Deployment with ID : %s started. Triggering event : %s", j.operation.ID, trigger)
}

// explain tells why the operation fails.
func (j *job) explain(cause error, reason string) {
	switch {
	case isSecret(cause):
		j.event("Failed to resolve the environment secrets. Reason: %s", reason)
		j.deployment("Failed to deploy your %s. Reason: %s", j.artifact(), reason)
	case j.operation.Step == apprunner.StepBuild, j.operation.Builds && j.operation.Step == apprunner.StepResolve:
		j.explainBuild(cause, reason)
	case j.operation.Step == apprunner.StepResolve, j.operation.Step == apprunner.StepPull:
		j.event("Failed to pull your application image. Reason: %s", reason)
		j.deployment("Failed to pull your application image. Reason: %s", reason)
	default:
		j.event("%s", reason)
		j.deployment("Failed to deploy your %s. Reason: %s", j.artifact(), reason)
	}
	if f, ok := errors.AsType[*fleet.Failure](cause); ok {
		for _, line := range f.Output {
			j.deployment("Application output: %s", line)
		}
	}
	if j.operation.Type.Deploys() {
		j.event("Deployment with ID : %s failed.", j.operation.ID)
	}
}

// concluded tells how the operation ended.
func (j *job) concluded(s apprunner.Service, o apprunner.Operation) {
	what := words[o.Type].what
	switch {
	case o.Status != apprunner.OperationSucceeded:
		j.event("%s failed. For details, see service logs.", what)
		if o.Status == apprunner.OperationRollbackSucceeded {
			j.event("The service was rolled back. The previous version serves on.")
		}
	case o.Type == apprunner.UpdateService:
		j.event("Service update completed successfully. New application and configuration is deployed.")
	default:
		j.event("%s completed successfully.", what)
	}
	if o.Status == apprunner.OperationSucceeded {
		j.deployment("Successfully deployed your %s.", j.artifact())
	}
	j.event("Service status is set to %s.", s.Status)
}
