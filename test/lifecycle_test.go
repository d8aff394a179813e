package test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/test/kit"
)

// described is what the AWS CLI prints of a service.
type described struct {
	Service struct {
		ServiceArn, ServiceName, ServiceUrl, Status string
		DeletedAt                                   any
		SourceConfiguration                         struct {
			AutoDeploymentsEnabled bool
			ImageRepository        struct{ ImageConfiguration struct{ Port string } }
		}
		InstanceConfiguration struct{ Cpu, Memory string }
	}
	OperationId string
}

func (d *described) service() *apprunnerapi.Service {
	return &apprunnerapi.Service{ServiceUrl: &d.Service.ServiceUrl, ServiceArn: &d.Service.ServiceArn, ServiceName: &d.Service.ServiceName}
}

// TestLifeCycle goes through the life of a service with the AWS CLI, as its users do.
func TestLifeCycle(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, "timeouts: {stop: 1s}\n")
	s.PushMimic("mimic:v1", "v1")
	t.Run("AWS CLI", func(t *testing.T) {
		t.Parallel()
		testCommandLine(t, s.With(t))
	})
	t.Run("tags", func(t *testing.T) {
		t.Parallel()
		testTags(t, s.With(t))
	})
	t.Run("scaling configurations", func(t *testing.T) {
		t.Parallel()
		testScalingConfigurations(t, s.With(t))
	})
	t.Run("states", func(t *testing.T) {
		t.Parallel()
		testStates(t, s.With(t))
	})
	t.Run("who may call what", func(t *testing.T) {
		t.Parallel()
		testRefusals(t, s.With(t))
	})
}

const source = `{"AuthenticationConfiguration": {"AccessRoleArn": "` + kit.Role + `"},
	"ImageRepository": {"ImageRepositoryType": "ECR", "ImageIdentifier": "000000000000.dkr.ecr.us-east-1.amazonaws.com/shop:live",
		"ImageConfiguration": {"Port": "9090", "RuntimeEnvironmentVariables": {"COLOUR": "blue"}}}}`

func testCommandLine(t *testing.T, s *kit.Slipway) {
	s.PushMimic("shop:live", "v1")
	var created described
	s.AWS(&created, "create-service", "--service-name", "shop", "--source-configuration", source, "--instance-configuration", "Cpu=0.25 vCPU,Memory=0.5 GB")
	arn, service := created.Service.ServiceArn, created.service()
	if created.Service.Status != "OPERATION_IN_PROGRESS" || created.OperationId == "" {
		t.Errorf("create-service answered %+v", created)
	}
	awaitCLI(s, arn, "RUNNING")
	wantBody(t, s, service, "/", "v1 instance")
	wantBody(t, s, service, "/env", "COLOUR=blue", "PORT=9090")
	var out described
	s.AWS(&out, "describe-service", "--service-arn", arn)
	if c := out.Service; c.InstanceConfiguration.Cpu != "256" || c.InstanceConfiguration.Memory != "512" || !c.SourceConfiguration.AutoDeploymentsEnabled {
		t.Errorf("described without its normalised size and defaults: %+v", c)
	}

	// A variable.
	var updated described
	s.AWS(&updated, "update-service", "--service-arn", arn, "--source-configuration", strings.ReplaceAll(source, "blue", "green"))
	awaitCLI(s, arn, "RUNNING")
	wantBody(t, s, service, "/env", "COLOUR=green")

	// A push to the tag.
	s.PushMimic("shop:live", "v2")
	s.Eventually("the pushed image serves", 5*time.Second, serves(s, service, "v2 instance"))
	s.Await(arn, apprunnerapi.ServiceStatusRunning)

	// A deployment on demand.
	var deployment described
	_, before := s.Get(service, "/")
	s.AWS(&deployment, "start-deployment", "--service-arn", arn)
	s.AwaitOperation("shop", deployment.OperationId)
	if _, after := s.Get(service, "/"); after == before {
		t.Errorf("start-deployment left the instance %q", before)
	}

	testPause(t, s, service)
	testHistory(t, s, arn)
	testDelete(t, s, service)
}

// serves is nil when a service answers with text.
func serves(s *kit.Slipway, service *apprunnerapi.Service, text string) func() error {
	return func() error {
		if code, body := s.Get(service, "/"); code != 200 || !strings.Contains(body, text) {
			return kit.Errorf("the URL answers %d %q", code, body)
		}
		return nil
	}
}

func wantBody(t *testing.T, s *kit.Slipway, service *apprunnerapi.Service, path string, want ...string) {
	t.Helper()
	code, body := s.Get(service, path)
	for _, text := range want {
		if code != 200 || !strings.Contains(body, text) {
			t.Errorf("%s answers %d %q, want %q", path, code, body, text)
		}
	}
}

// awaitCLI waits as scripts around the AWS CLI do.
func awaitCLI(s *kit.Slipway, arn, status string) described {
	var out described
	s.Eventually("describe-service says "+status, time.Minute, func() error {
		s.AWS(&out, "describe-service", "--service-arn", arn)
		if out.Service.Status != status {
			return kit.Errorf("it says %s", out.Service.Status)
		}
		return nil
	})
	return out
}

func testPause(t *testing.T, s *kit.Slipway, service *apprunnerapi.Service) {
	arn := *service.ServiceArn
	// What the tag names now must not be picked up by the resume.
	s.AWS(nil, "update-service", "--service-arn", arn, "--source-configuration", `{"AutoDeploymentsEnabled": false}`)
	s.Await(arn, apprunnerapi.ServiceStatusRunning)
	s.PushMimic("shop:live", "v3")

	var paused described
	s.AWS(&paused, "pause-service", "--service-arn", arn)
	if paused.OperationId == "" {
		t.Error("pause-service answered no OperationId")
	}
	awaitCLI(s, arn, "PAUSED")
	for accept, want := range map[string]string{"*/*": "text/plain", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8": "text/html"} {
		code, kind, body := page(t, s, service, accept)
		if code != 503 || !strings.HasPrefix(kind, want) || !strings.Contains(body, "paused") || !strings.Contains(body, "slipway resume shop") {
			t.Errorf("with Accept: %s the paused service answers %d %s\n%s", accept, code, kind, body)
		}
	}
	var again described
	s.AWS(&again, "pause-service", "--service-arn", arn)
	if again.OperationId != "" || again.Service.Status != "PAUSED" {
		t.Errorf("pausing again answered %+v", again)
	}

	s.AWS(&paused, "resume-service", "--service-arn", arn)
	awaitCLI(s, arn, "RUNNING")
	wantBody(t, s, service, "/", "v2 instance")
	wantBody(t, s, service, "/env", "COLOUR=green")
	again = described{}
	s.AWS(&again, "resume-service", "--service-arn", arn)
	if again.OperationId != "" || again.Service.Status != "RUNNING" {
		t.Errorf("resuming again answered %+v", again)
	}
}

// page is what a client that accepts something gets of a service.
func page(t *testing.T, s *kit.Slipway, service *apprunnerapi.Service, accept string) (code int, kind, body string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, "http://"+*service.ServiceUrl+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", accept)
	code, header, body := s.Send(request)
	return code, header.Get("Content-Type"), body
}

func testHistory(t *testing.T, s *kit.Slipway, arn string) {
	var history struct {
		OperationSummaryList []struct {
			Id, Type, Status, TargetArn string
			StartedAt, EndedAt          any
		}
	}
	s.AWS(&history, "list-operations", "--service-arn", arn)
	want := []string{"RESUME_SERVICE", "PAUSE_SERVICE", "UPDATE_SERVICE", "START_DEPLOYMENT", "START_DEPLOYMENT", "UPDATE_SERVICE", "CREATE_SERVICE"}
	var got []string
	for _, o := range history.OperationSummaryList {
		got = append(got, o.Type)
		if o.Status != "SUCCEEDED" || o.TargetArn != arn || o.StartedAt == nil || o.EndedAt == nil || len(o.Id) != 32 {
			t.Errorf("operation %+v is not one that succeeded", o)
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("list-operations has %q, want, newest first, %q", got, want)
	}
}

func testDelete(t *testing.T, s *kit.Slipway, service *apprunnerapi.Service) {
	arn := *service.ServiceArn
	var deleted, second described
	s.AWS(&deleted, "delete-service", "--service-arn", arn)
	if deleted.OperationId == "" {
		t.Error("delete-service answered no OperationId")
	}
	gone := awaitCLI(s, arn, "DELETED")
	if gone.Service.DeletedAt == nil {
		t.Error("a deleted service is described without DeletedAt")
	}
	var list struct{ ServiceSummaryList []struct{ ServiceArn string } }
	s.AWS(&list, "list-services")
	for _, each := range list.ServiceSummaryList {
		if each.ServiceArn == arn {
			t.Error("list-services has the deleted service")
		}
	}
	if code, body := s.Get(service, "/"); code != 404 {
		t.Errorf("the URL of the deleted service answers %d %q", code, body)
	}
	s.AWS(&second, "create-service", "--service-name", "shop", "--source-configuration", source)
	if second.Service.ServiceArn == arn || second.Service.ServiceUrl == *service.ServiceUrl {
		t.Error("a service of the same name got the ARN or the URL of the deleted one")
	}
	s.Await(second.Service.ServiceArn, apprunnerapi.ServiceStatusRunning)
}

func testTags(t *testing.T, s *kit.Slipway) {
	in := s.Input("tagged", "mimic:v1")
	in.Tags = []apprunnerapi.Tag{{Key: new("team"), Value: new("blue")}}
	arn := *s.Run(in).ServiceArn
	s.AWS(nil, "tag-resource", "--resource-arn", arn, "--tags", "Key=team,Value=green", "Key=stage,Value=live")
	var list struct{ Tags []struct{ Key, Value string } }
	s.AWS(&list, "list-tags-for-resource", "--resource-arn", arn)
	got := map[string]string{}
	for _, tag := range list.Tags {
		got[tag.Key] = tag.Value
	}
	if len(list.Tags) != 2 || got["team"] != "green" || got["stage"] != "live" {
		t.Errorf("the tags are %v", got)
	}
	s.AWS(nil, "untag-resource", "--resource-arn", arn, "--tag-keys", "team", "never-there")
	s.AWS(&list, "list-tags-for-resource", "--resource-arn", arn)
	if len(list.Tags) != 1 || list.Tags[0].Key != "stage" {
		t.Errorf("after untag-resource the tags are %v", list.Tags)
	}
	err := s.Call("TagResource", apprunnerapi.TagResourceInput{ResourceArn: &arn, Tags: []apprunnerapi.Tag{{Key: new("aws:x"), Value: new("y")}}}, nil)
	s.WantError(err, "InvalidRequestException", "aws:")
	s.Delete(arn)
	err = s.Call("ListTagsForResource", apprunnerapi.ListTagsForResourceInput{ResourceArn: &arn}, nil)
	s.WantError(err, "ResourceNotFoundException", arn)
}

// altered is a text with another character at a place.
func altered(s string, at int) string {
	other := "0"
	if s[at] == '0' {
		other = "1"
	}
	return s[:at] + other + s[at+1:]
}

// testStates asks for every operation in every state that can be brought about.
func testStates(t *testing.T, s *kit.Slipway) {
	running := *s.Run(s.Input("running", "mimic:v1")).ServiceArn
	paused := *s.Run(s.Input("paused", "mimic:v1")).ServiceArn
	s.Do("PauseService", paused)
	s.Await(paused, apprunnerapi.ServiceStatusPaused)
	deleted := *s.Run(s.Input("deleted", "mimic:v1")).ServiceArn
	s.Delete(deleted)
	failedService, _ := s.Create(s.Input("failed", "absent:v1"))
	failed := *failedService.ServiceArn
	s.Await(failed, apprunnerapi.ServiceStatusCreateFailed)
	slow, _ := s.Create(s.Input("slow", "mimic:v1", "START_DELAY=1h"))
	busy := *slow.ServiceArn

	const (
		invalidState   = "InvalidStateException"
		invalidRequest = "InvalidRequestException"
		notFound       = "ResourceNotFoundException"
	)
	for _, c := range []struct{ operation, arn, code, text string }{
		{"UpdateService", paused, invalidState, "PAUSED. Resume it first."},
		{"UpdateService", busy, invalidState, "OPERATION_IN_PROGRESS"},
		{"UpdateService", deleted, notFound, "is deleted"},
		{"UpdateService", running, invalidRequest, "No configurations provided in the UpdateService request."},
		{"StartDeployment", paused, invalidRequest, "Resume it first."},
		{"StartDeployment", failed, invalidRequest, "Rebuild it with UpdateService, or delete it."},
		{"StartDeployment", busy, invalidRequest, "operation in progress"},
		{"StartDeployment", deleted, notFound, "is deleted"},
		{"PauseService", failed, invalidState, "CREATE_FAILED"},
		{"PauseService", busy, invalidState, "OPERATION_IN_PROGRESS"},
		{"PauseService", deleted, notFound, "is deleted"},
		{"ResumeService", failed, invalidState, "CREATE_FAILED"},
		{"ResumeService", busy, invalidState, "OPERATION_IN_PROGRESS"},
		{"ResumeService", deleted, notFound, "is deleted"},
		{"DeleteService", busy, invalidState, "OPERATION_IN_PROGRESS"},
		{"DeleteService", deleted, notFound, "is deleted"},
		{"DescribeService", altered(running, len(running)-1), notFound, "There is no service"},
	} {
		if _, _, err := s.TryDo(c.operation, c.arn); err == nil {
			t.Errorf("%s of %s was allowed", c.operation, c.arn)
		} else {
			s.WantError(err, c.code, c.text)
		}
	}
	for _, arn := range []string{running, paused, failed, busy, deleted} {
		for _, operation := range []string{"DescribeService", "ListOperations"} {
			if _, _, err := s.TryDo(operation, arn); err != nil {
				t.Errorf("%s: %v", operation, err)
			}
		}
	}
	// An empty update of a failed service builds it again.
	_, id := s.Do("UpdateService", failed)
	if o := s.AwaitOperation("failed", id); o.Status != apprunner.OperationFailed {
		t.Errorf("the rebuild without a change is %s", o.Status)
	}
	s.Delete(failed)
	s.Delete(paused)
}

func testRefusals(t *testing.T, s *kit.Slipway) {
	in := s.Input("taken", "mimic:v1")
	s.Run(in)
	s.WantError(s.Call("CreateService", in, nil), "InvalidRequestException", "Service with the provided name already exists: taken.")
	s.WantError(s.Call("MakeCoffee", map[string]string{}, nil), "UnknownOperationException", "MakeCoffee")
	s.WantError(s.Call("CreateService", map[string]string{"ServiceName": "x"}, nil), "InvalidRequestException", "")

	for _, c := range []struct {
		name string
		env  []string
		want string
	}{
		{"wrong key", []string{"AWS_ACCESS_KEY_ID=AKIANOBODY0000000000", "AWS_SECRET_ACCESS_KEY=x"}, "UnrecognizedClientException"},
		{"wrong secret", []string{"AWS_ACCESS_KEY_ID=" + s.Key().ID, "AWS_SECRET_ACCESS_KEY=wrong"}, "InvalidSignatureException"},
	} {
		if _, errOut, err := s.RunAWS(c.env, "list-services", "--endpoint-url", "http://"+s.API, "--region", s.Region); err == nil || !strings.Contains(errOut, c.want) {
			t.Errorf("%s: got %v, want %s\n%s", c.name, err, c.want, errOut)
		}
	}
	response, err := http.Post("http://"+s.API+"/", "application/x-amz-json-1.0", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusForbidden || !strings.Contains(response.Header.Get("X-Amzn-Errortype"), "MissingAuthenticationToken") {
		t.Errorf("a request without a signature is answered %s %v", response.Status, response.Header)
	}
}
