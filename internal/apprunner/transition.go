package apprunner

import "slices"

import "time"

// Begin starts an operation of type t on s at now: it checks that the state of the service allows
// it and returns both as they are then. The operation's id is id. A pause of a paused service and
// a resume of a running one need nothing: they answer an operation without an id.
//
// Source: the table of what is allowed in which state, App Runner developer guide.
func Begin(s Service, t OperationType, id string, now time.Time) (Service, Operation, error) {
	if (t == PauseService && s.Status == ServicePaused) || (t == ResumeService && s.Status == ServiceRunning) {
		return s, Operation{}, nil
	}
	if err := allowed(s, t); err != nil {
		return s, Operation{}, err
	}
	op := Operation{
		ID: id, ServiceID: s.ID, Type: t, Status: OperationPending, Step: t.FirstStep(),
		Rebuild:   t == UpdateService && s.Status == ServiceCreateFailed,
		Builds:    s.Spec.Code != nil,
		StartedAt: now, UpdatedAt: now,
	}
	if t == UpdateService {
		previous := s.Spec
		op.Previous = &previous
	}
	if t == ResumeService {
		op.RevisionID = s.RevisionID
	}
	s.Status, s.UpdatedAt = ServiceInProgress, now
	return s, op, nil
}

// BeginRollback starts a deployment of an older revision of s: its image and configuration as they
// were, without a build. When it fails, the service keeps what it has.
func BeginRollback(s Service, r Revision, id string, now time.Time) (Service, Operation, error) {
	switch {
	case r.ServiceID != s.ID:
		return s, Operation{}, Errorf(ResourceNotFound, "Service %s has no revision with id %s.", s.Name, r.ID)
	case r.Digest == "":
		return s, Operation{}, Errorf(InvalidRequest, "Revision %d of service %s was never built. Choose another one.", r.Number, s.Name)
	case r.ID == s.RevisionID:
		return s, Operation{}, Errorf(InvalidRequest, "Service %s runs revision %d already.", s.Name, r.Number)
	}
	previous := s.Spec
	s, op, err := Begin(s, StartDeployment, id, now)
	if err != nil {
		return s, op, err
	}
	op.Step, op.Rollback, op.RevisionID, op.Previous = StepPull, true, r.ID, &previous
	s.Spec = r.configuration()
	return s, op, nil
}

// Older finds the revision to go back to: the one with a number, or with 0 the older one that served last
// before the present one. That is not always the one before: a rollback has left that out. All has the
// revisions of the service, newest first.
func Older(s Service, all []Revision, number int) (Revision, error) {
	serving := 0
	for _, r := range all {
		if r.ID == s.RevisionID {
			serving = r.Number
		}
	}
	var last *Revision
	for i, r := range all {
		if r.Number == number {
			return r, nil
		}
		if r.Number < serving && r.Served && (last == nil || r.ServedAt.After(last.ServedAt)) {
			last = &all[i]
		}
	}
	if number == 0 && last != nil {
		return *last, nil
	}
	if number == 0 {
		return Revision{}, Errorf(InvalidRequest, "Service %s has no revision older than the one that serves.", s.Name)
	}
	return Revision{}, Errorf(ResourceNotFound, "Service %s has no revision %d, or keeps it no longer.", s.Name, number)
}

// FirstOperation is the operation that creates s.
func FirstOperation(s Service, id string, now time.Time) Operation {
	return Operation{
		ID: id, ServiceID: s.ID, Type: CreateService, Status: OperationPending,
		Step: CreateService.FirstStep(), Builds: s.Spec.Code != nil, StartedAt: now, UpdatedAt: now,
	}
}

// allowed tells whether a service may begin an operation now.
func allowed(s Service, t OperationType) error {
	switch {
	case s.Status == ServiceDeleted:
		return Errorf(ResourceNotFound, "Service %s is deleted.", s.ARN)
	case s.Status == ServiceInProgress && t == StartDeployment:
		return Errorf(InvalidRequest, "Service %s has an operation in progress. Wait until it ends, then start the deployment again.", s.ARN)
	case s.Status == ServiceInProgress:
		return Errorf(InvalidState, "Service cannot be changed in the current state: OPERATION_IN_PROGRESS. Wait until the operation of %s ends.", s.ARN)
	}
	if slices.Contains(startsFrom[t], s.Status) {
		return nil
	}
	// The model declares no InvalidStateException for StartDeployment.
	code := InvalidState
	if t == StartDeployment {
		code = InvalidRequest
	}
	return Errorf(code, "%s is not allowed while service %s is %s.%s", t.apiName(), s.ARN, s.Status, remedy(s.Status))
}

// startsFrom lists the statuses that each operation may begin in.
var startsFrom = map[OperationType][]ServiceStatus{
	UpdateService:   {ServiceRunning, ServiceCreateFailed},
	StartDeployment: {ServiceRunning},
	PauseService:    {ServiceRunning},
	ResumeService:   {ServicePaused},
	DeleteService:   {ServiceRunning, ServicePaused, ServiceCreateFailed, ServiceDeleteFailed},
}

func (t OperationType) apiName() string {
	switch t {
	case CreateService:
		return "CreateService"
	case UpdateService:
		return "UpdateService"
	case StartDeployment:
		return "StartDeployment"
	case PauseService:
		return "PauseService"
	case ResumeService:
		return "ResumeService"
	default:
		return "DeleteService"
	}
}

func remedy(s ServiceStatus) string {
	switch s {
	case ServicePaused:
		return " Resume it first."
	case ServiceCreateFailed:
		return " Rebuild it with UpdateService, or delete it."
	case ServiceDeleteFailed:
		return " Delete it again."
	default:
		return ""
	}
}

// BeginCanary has the operation begin with a canary when it comes to sending traffic, if there is a
// revision beside it that serves. One that brings back an older revision does not: that is urgent.
func BeginCanary(s Service, o Operation, c Canary, now time.Time) Operation {
	if c.Percent > 0 && o.rollsBack() && !o.Rollback && s.RevisionID != "" && s.RevisionID != o.RevisionID {
		o.Canary, o.CanaryUntil = c, now.Add(c.For)
	}
	return o
}

// Advance records the step after the present one.
func Advance(o Operation, now time.Time) Operation {
	o.Status, o.Step, o.UpdatedAt = OperationInProgress, o.Next(), now
	return o
}

// Succeed ends an operation well.
func Succeed(s Service, o Operation, now time.Time) (Service, Operation) {
	o.Status, o.Step, o.UpdatedAt, o.EndedAt = OperationSucceeded, StepDone, now, now
	s.UpdatedAt = now
	switch o.Type {
	case PauseService:
		s.Status = ServicePaused
	case DeleteService:
		s.Status, s.DeletedAt = ServiceDeleted, now
	default:
		s.Status, s.RevisionID = ServiceRunning, o.RevisionID
	}
	return s, o
}

// Fail records why an operation cannot succeed. A deployment then rolls back before it ends.
func Fail(o Operation, reason string, now time.Time) Operation {
	o.Reason, o.UpdatedAt = reason, now
	o.Step, o.Status = StepRollback, OperationInProgress
	if o.rollsBack() {
		o.Status = OperationRollbackInProgress
	}
	return o
}

// rollsBack reports whether an older revision serves on when the operation fails.
func (o Operation) rollsBack() bool {
	return (o.Type == UpdateService && !o.Rebuild) || o.Type == StartDeployment
}

// RolledBack ends an operation that failed, when what it started is gone.
func RolledBack(s Service, o Operation, now time.Time) (Service, Operation) {
	o.Status, o.Step, o.UpdatedAt, o.EndedAt = OperationFailed, StepDone, now, now
	s.UpdatedAt = now
	switch {
	case o.rollsBack():
		o.Status, s.Status = OperationRollbackSucceeded, ServiceRunning
		if o.Previous != nil {
			s.Spec = *o.Previous
		}
	case o.Type == ResumeService:
		s.Status = ServicePaused
	case o.Type == PauseService:
		s.Status = ServiceRunning
	case o.Type == DeleteService:
		s.Status = ServiceDeleteFailed
	default:
		s.Status = ServiceCreateFailed
	}
	return s, o
}
