package apprunner

import (
	"encoding/json"
	"regexp"
	"testing"
	"time"
)

var eventTime = time.Date(2021, 4, 29, 11, 54, 23, 500_000_000, time.UTC)

func eventService(status ServiceStatus) Service {
	return Service{
		ID: "8fe1e10304f84fd2b0df550fe98a71fa", Name: "my-app", Status: status, UpdatedAt: eventTime,
		ARN: "arn:aws:apprunner:us-east-2:123456789012:service/my-app/8fe1e10304f84fd2b0df550fe98a71fa",
	}
}

func TestEventsLookLikeThoseOfEventBridge(t *testing.T) {
	t.Parallel()
	const head = `{"version":"0","id":"x","detail-type":"AppRunner Service `
	const middle = `","source":"aws.apprunner","account":"123456789012","time":"2021-04-29T11:54:23Z","region":"us-east-2","resources":["arn:aws:apprunner:us-east-2:123456789012:service/my-app/8fe1e10304f84fd2b0df550fe98a71fa"],"detail":{`
	const who = `"serviceName":"my-app","serviceId":"8fe1e10304f84fd2b0df550fe98a71fa","message":"`
	operation := func(kind OperationType, status OperationStatus) Event {
		return OperationChanged(eventService(ServiceRunning), Operation{Type: kind, Status: status, Reason: "it never listened", UpdatedAt: eventTime})
	}
	for _, tt := range []struct {
		reason string
		event  Event
		want   string
	}{
		{"a status", StatusChanged(eventService(ServiceRunning), ServiceInProgress),
			head + "Status Change" + middle + `"previousServiceStatus":"OPERATION_IN_PROGRESS","currentServiceStatus":"RUNNING",` + who + `Service status is set to RUNNING.","severity":"INFO"}}`},
		{"a beginning", operation(CreateService, OperationPending),
			head + "Operation Status Change" + middle + `"operationStatus":"CreateServiceStarted",` + who + `Service creation started.","severity":"INFO"}}`},
		{"an end", operation(UpdateService, OperationSucceeded),
			head + "Operation Status Change" + middle + `"operationStatus":"UpdateServiceCompletedSuccessfully",` + who + `Service update completed successfully. New application and configuration is deployed.","severity":"INFO"}}`},
		{"a failure that was rolled back", operation(StartDeployment, OperationRollbackSucceeded),
			head + "Operation Status Change" + middle + `"operationStatus":"DeploymentFailed",` + who + `Deployment failed. For details, see service logs.","severity":"ERROR"}}`},
	} {
		if !regexp.MustCompile(`\A[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\z`).MatchString(tt.event.ID) {
			t.Errorf("%s: the id %q is no UUID", tt.reason, tt.event.ID)
		}
		tt.event.ID = "x"
		if got, err := tt.event.EventBridge(); err != nil || string(got) != tt.want {
			t.Errorf("%s: %v\n got %s\nwant %s", tt.reason, err, got, tt.want)
		}
	}
}

// Every type of operation has words, and nothing is told of one that goes on.
func TestEveryOperationHasItsEvents(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for kind := range steps {
		for _, status := range []OperationStatus{OperationPending, OperationSucceeded, OperationFailed} {
			e := OperationChanged(eventService(ServiceRunning), Operation{Type: kind, Status: status})
			if seen[e.Operation] || len(e.Operation) < len("DeploymentFailed") || e.Message[0] == ' ' {
				t.Errorf("%s %s: %q, %q", kind, status, e.Operation, e.Message)
			}
			seen[e.Operation] = true
		}
	}
}

func TestCloudEvent(t *testing.T) {
	t.Parallel()
	e := OperationChanged(eventService(ServiceRunning), Operation{Type: CreateService, Status: OperationFailed, Reason: "it never listened", UpdatedAt: eventTime})
	data, err := e.CloudEvent()
	var got map[string]any
	if err == nil {
		err = json.Unmarshal(data, &got)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"specversion": "1.0", "id": e.ID, "source": e.ServiceARN, "type": "com.amazonaws.apprunner.ServiceOperationStatusChange",
		"subject": "my-app", "time": "2021-04-29T11:54:23.5Z", "datacontenttype": "application/json", "reason": "it never listened",
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %s", name, got[name], want)
		}
	}
	if data, ok := got["data"].(map[string]any); !ok || data["operationStatus"] != "CreateServiceFailed" || data["severity"] != "ERROR" {
		t.Errorf("the data is %v", got["data"])
	}
	// Attributes that CloudEvents does not have are extensions, whose names are lower-case letters and digits.
	for name := range got {
		if !regexp.MustCompile(`\A[a-z0-9]{1,20}\z`).MatchString(name) {
			t.Errorf("%q cannot be the name of an attribute", name)
		}
	}
}

// An automatic rollback tells why from its beginning.
func TestEventOfAnAutomaticRollback(t *testing.T) {
	t.Parallel()
	e := OperationChanged(eventService(ServiceInProgress), Operation{Type: StartDeployment, Status: OperationPending, Reason: "Revision 8 is rolled back to revision 7."})
	if e.Reason != "Revision 8 is rolled back to revision 7." || e.Failed || e.Operation != "DeploymentStarted" {
		t.Errorf("the event is %+v", e)
	}
}
