package apprunner

import (
	"slices"
	"time"
)

// OperationType is what an operation does.
type OperationType string

// The types of operations.
const (
	CreateService   OperationType = "CREATE_SERVICE"
	UpdateService   OperationType = "UPDATE_SERVICE"
	StartDeployment OperationType = "START_DEPLOYMENT"
	PauseService    OperationType = "PAUSE_SERVICE"
	ResumeService   OperationType = "RESUME_SERVICE"
	DeleteService   OperationType = "DELETE_SERVICE"
)

// OperationStatus is how far an operation is.
type OperationStatus string

// The statuses of an operation.
const (
	OperationPending            OperationStatus = "PENDING"
	OperationInProgress         OperationStatus = "IN_PROGRESS"
	OperationSucceeded          OperationStatus = "SUCCEEDED"
	OperationFailed             OperationStatus = "FAILED"
	OperationRollbackInProgress OperationStatus = "ROLLBACK_IN_PROGRESS"
	OperationRollbackSucceeded  OperationStatus = "ROLLBACK_SUCCEEDED"
	OperationRollbackFailed     OperationStatus = "ROLLBACK_FAILED"
)

// Ended reports whether the operation is over.
func (s OperationStatus) Ended() bool {
	switch s {
	case OperationPending, OperationInProgress, OperationRollbackInProgress:
		return false
	default:
		return true
	}
}

// Step is what an operation does next. It is recorded before the step begins, so that a daemon
// that was killed goes on with it; every step can be done twice.
type Step string

// The steps of operations, in the order they are done.
const (
	StepResolve   Step = "resolve"   // find the image or the commit and pin it
	StepBuild     Step = "build"     // make an image of source code
	StepPull      Step = "pull"      // bring the image to the engine
	StepProvision Step = "provision" // start instances of the new revision and check them
	StepCanary    Step = "canary"    // send the new revision a share of the traffic, and compare
	StepRoute     Step = "route"     // send traffic to the new revision
	StepDrain     Step = "drain"     // let the old revision finish its requests and end it
	StepStop      Step = "stop"      // take traffic away and end every instance
	StepForget    Step = "forget"    // delete what a deleted service leaves behind
	StepRollback  Step = "rollback"  // end the instances of the revision that failed
	StepDone      Step = "done"
)

// Operation is a durable change of a service.
type Operation struct {
	ID        string
	ServiceID string
	Type      OperationType
	Status    OperationStatus
	Step      Step
	Trigger   string `json:",omitempty"` // who asked, when it was not a caller of the API

	RevisionID string `json:",omitempty"` // the revision being deployed, once resolved
	Previous   *Spec  `json:",omitempty"` // what a rollback goes back to
	Rebuild    bool   `json:",omitempty"` // an update of a service that never ran
	Builds     bool   `json:",omitempty"` // the service is built from source code
	Commit     string `json:",omitempty"` // to deploy instead of the newest of the branch
	Rollback   bool   `json:",omitempty"` // the revision is an older one, and needs no build
	Secrets    string `json:",omitempty"` // the versions of secrets that it was begun for, as SecretVersions has them
	Source     string `json:",omitempty"` // the commit that was built, for people
	Reason     string `json:",omitempty"` // why it failed, or why Slipway began it by itself

	Canary      Canary    `json:",omitzero"` // how it begins to send traffic; zero for all at once
	CanaryUntil time.Time `json:",omitzero"` // when the canary ends, once it has begun

	StartedAt time.Time
	UpdatedAt time.Time
	EndedAt   time.Time `json:",omitzero"`
}

// steps lists what each type of operation does.
var steps = map[OperationType][]Step{
	CreateService:   {StepResolve, StepBuild, StepPull, StepProvision, StepRoute, StepDrain, StepDone},
	UpdateService:   {StepResolve, StepBuild, StepPull, StepProvision, StepCanary, StepRoute, StepDrain, StepDone},
	StartDeployment: {StepResolve, StepBuild, StepPull, StepProvision, StepCanary, StepRoute, StepDrain, StepDone},
	PauseService:    {StepStop, StepDone},
	ResumeService:   {StepPull, StepProvision, StepRoute, StepDone},
	DeleteService:   {StepStop, StepForget, StepDone},
}

// FirstStep is where an operation of type t begins.
func (t OperationType) FirstStep() Step { return steps[t][0] }

// Next is the step after the present one.
func (o Operation) Next() Step {
	all := steps[o.Type]
	at := slices.Index(all, o.Step)
	switch next := all[min(at+1, len(all)-1)]; {
	case at < 0:
		return StepDone
	case next == StepBuild && !o.Builds:
		return StepPull
	case next == StepCanary && o.Canary.Percent == 0:
		return StepRoute
	default:
		return next
	}
}

// Cancellable reports whether the operation can still be ended with nothing changed: the revision before
// still serves.
func (o Operation) Cancellable() bool {
	switch o.Step {
	case StepResolve, StepBuild, StepPull, StepProvision, StepCanary:
		return o.Type.Deploys() && !o.Status.Ended()
	default:
		return false
	}
}

// Deploys reports whether the operation brings out a new revision.
func (t OperationType) Deploys() bool {
	return t == CreateService || t == UpdateService || t == StartDeployment
}
