package apprunner

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"
)

// Event is a change of a service as AWS tells it: one of the two events of App Runner in EventBridge.
type Event struct {
	ID          string // a UUID
	At          time.Time
	ServiceID   string
	ServiceName string
	ServiceARN  string

	Previous ServiceStatus `json:",omitempty"` // of a change of status
	Current  ServiceStatus `json:",omitempty"`

	OperationID string `json:",omitempty"` // of a change of an operation
	Operation   string `json:",omitempty"` // its status as events have it: CreateServiceStarted
	Failed      bool   `json:",omitempty"`
	Reason      string `json:",omitempty"` // why it failed, or began by itself; not part of what AWS tells

	Message string
}

// The detail types of events.
const (
	StatusChange    = "AppRunner Service Status Change"
	OperationChange = "AppRunner Service Operation Status Change"
)

// DetailType is what kind of event it is.
func (e Event) DetailType() string {
	if e.Operation != "" {
		return OperationChange
	}
	return StatusChange
}

// StatusChanged is the event that a service has another status than before.
func StatusChanged(s Service, previous ServiceStatus) Event {
	e := about(s, s.UpdatedAt)
	e.Previous, e.Current = previous, s.Status
	e.Message = "Service status is set to " + string(s.Status) + "."
	return e
}

// told is what events call operations.
var told = map[OperationType]struct{ status, message string }{
	CreateService:   {"CreateService", "Service creation"},
	UpdateService:   {"UpdateService", "Service update"},
	StartDeployment: {"Deployment", "Deployment"},
	PauseService:    {"PauseService", "Service pause"},
	ResumeService:   {"ResumeService", "Service resume"},
	DeleteService:   {"DeleteService", "Service deletion"},
}

// OperationChanged is the event that an operation has begun or, when it is over, that it has ended. One
// that was rolled back has failed.
func OperationChanged(s Service, o Operation) Event {
	e := about(s, o.UpdatedAt)
	e.OperationID = o.ID
	name := told[o.Type]
	switch {
	case !o.Status.Ended():
		e.Operation, e.Message = name.status+"Started", name.message+" started."
		e.Reason = o.Reason // of an automatic rollback
	case o.Status == OperationSucceeded:
		e.Operation, e.Message = name.status+"CompletedSuccessfully", name.message+" completed successfully."
		if o.Type == UpdateService {
			e.Message += " New application and configuration is deployed."
		}
	default:
		e.Operation, e.Message = name.status+"Failed", name.message+" failed. For details, see service logs."
		e.Failed, e.Reason = true, o.Reason
	}
	return e
}

func about(s Service, at time.Time) Event {
	return Event{ID: newUUID(), At: at.UTC(), ServiceID: s.ID, ServiceName: s.Name, ServiceARN: s.ARN}
}

// newUUID is a random UUID, version 4.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Severities of events. AWS documents the first alone.
const (
	SeverityInfo  = "INFO"
	SeverityError = "ERROR"
)

// detail is what both kinds of events tell. A member that the other kind has is left out.
type detail struct {
	Previous  ServiceStatus `json:"previousServiceStatus,omitempty"`
	Current   ServiceStatus `json:"currentServiceStatus,omitempty"`
	Operation string        `json:"operationStatus,omitempty"`
	Name      string        `json:"serviceName"`
	ID        string        `json:"serviceId"`
	Message   string        `json:"message"`
	Severity  string        `json:"severity"`
}

func (e Event) detail() detail {
	d := detail{e.Previous, e.Current, e.Operation, e.ServiceName, e.ServiceID, e.Message, SeverityInfo}
	if e.Failed {
		d.Severity = SeverityError
	}
	return d
}

// EventBridge is the event as EventBridge delivers it.
//
// Source: Handling App Runner events in EventBridge, App Runner developer guide.
func (e Event) EventBridge() ([]byte, error) {
	arn, err := ParseARN(e.ServiceARN)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Version    string   `json:"version"`
		ID         string   `json:"id"`
		DetailType string   `json:"detail-type"`
		Source     string   `json:"source"`
		Account    string   `json:"account"`
		Time       string   `json:"time"`
		Region     string   `json:"region"`
		Resources  []string `json:"resources"`
		Detail     detail   `json:"detail"`
	}{"0", e.ID, e.DetailType(), "aws.apprunner", arn.Account, e.At.Format(time.RFC3339), arn.Region, []string{e.ServiceARN}, e.detail()})
}

// cloudTypes are the types of events in CloudEvents.
var cloudTypes = map[string]string{
	StatusChange: "com.amazonaws.apprunner.ServiceStatusChange", OperationChange: "com.amazonaws.apprunner.ServiceOperationStatusChange",
}

// CloudEvent is the event in the JSON of CloudEvents 1.0. Its data is what EventBridge has as detail; why
// an operation failed is the extension attribute "reason".
func (e Event) CloudEvent() ([]byte, error) {
	return json.Marshal(struct {
		SpecVersion string `json:"specversion"`
		ID          string `json:"id"`
		Source      string `json:"source"`
		Type        string `json:"type"`
		Subject     string `json:"subject"`
		Time        string `json:"time"`
		ContentType string `json:"datacontenttype"`
		Reason      string `json:"reason,omitempty"`
		Data        detail `json:"data"`
	}{"1.0", e.ID, e.ServiceARN, cloudTypes[e.DetailType()], e.ServiceName, e.At.Format(time.RFC3339Nano), "application/json", e.Reason, e.detail()})
}

// Delivery is an event on its way to somebody.
type Delivery struct {
	Sequence int64 // of all events, in the order they happened
	Event    Event
	Attempts int // that failed so far
}
