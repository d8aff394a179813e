package kit

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/slipway-run/slipway/internal/admin"
	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
)

// Region is where the tests work, unless they say otherwise.
const Region = "us-east-1"

// Call does an operation of the App Runner API, as an SDK does. The error is an *awsapi.Error when
// the daemon answered one.
func (s *Slipway) Call(operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(http.MethodPost, "http://"+s.API+"/", strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	request.Header.Set("X-Amz-Target", "AppRunner."+operation)
	key := s.Key()
	if err := sigv4.Sign(request, body, key.ID, key.Secret, s.Region, "apprunner", time.Now()); err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var failure struct {
			Type    string `json:"__type"`
			Message string
		}
		if err := json.NewDecoder(response.Body).Decode(&failure); err != nil {
			return err
		}
		return &awsapi.Error{Code: failure.Type, Status: response.StatusCode, Message: failure.Message}
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(out)
}

// WantError fails the test unless err is what the API answered with a code and with text in its
// message.
func (s *Slipway) WantError(err error, code, text string) {
	s.t.Helper()
	e, ok := errors.AsType[*awsapi.Error](err)
	if !ok || e.Code != code || !strings.Contains(e.Message, text) {
		s.t.Errorf("got error %#v, want %s with %q", err, code, text)
	}
}

// Image is the ImageIdentifier of an image that was pushed as name. That is in the Region of the
// daemon: services of other Regions name it at the registry's address.
func (s *Slipway) Image(name string) string {
	if s.Region != Region {
		return s.API + "/" + name
	}
	return "000000000000.dkr.ecr." + s.Region + ".amazonaws.com/" + name
}

// Role is an access role, which private ECR images need.
const Role = "arn:aws:iam::000000000000:role/service-role/AppRunnerECRAccessRole"

// Input is a CreateService request for an image in the embedded registry, with variables given as
// NAME=VALUE. Automatic deployment is off; change what the test is about.
func (s *Slipway) Input(name, image string, variables ...string) *apprunnerapi.CreateServiceInput {
	env := map[string]string{}
	for _, v := range variables {
		k, value, _ := strings.Cut(v, "=")
		env[k] = value
	}
	return &apprunnerapi.CreateServiceInput{
		ServiceName: &name,
		SourceConfiguration: &apprunnerapi.SourceConfiguration{
			AutoDeploymentsEnabled: new(false),
			ImageRepository: &apprunnerapi.ImageRepository{
				ImageIdentifier:     new(s.Image(image)),
				ImageRepositoryType: new(apprunnerapi.ImageRepositoryTypeEcr),
				ImageConfiguration:  &apprunnerapi.ImageConfiguration{RuntimeEnvironmentVariables: env},
			},
			AuthenticationConfiguration: &apprunnerapi.AuthenticationConfiguration{AccessRoleArn: new(Role)},
		},
		InstanceConfiguration: &apprunnerapi.InstanceConfiguration{Cpu: new("256"), Memory: new("512")},
		HealthCheckConfiguration: &apprunnerapi.HealthCheckConfiguration{
			Interval: new(int32(1)), UnhealthyThreshold: new(int32(2)),
		},
	}
}

// Create creates a service and returns it at once, with the id of the operation.
func (s *Slipway) Create(in *apprunnerapi.CreateServiceInput) (*apprunnerapi.Service, string) {
	s.t.Helper()
	var out apprunnerapi.CreateServiceOutput
	if err := s.Call("CreateService", in, &out); err != nil {
		s.t.Fatalf("CreateService: %v", err)
	}
	return out.Service, *out.OperationId
}

// Run creates a service and waits until it is RUNNING.
func (s *Slipway) Run(in *apprunnerapi.CreateServiceInput) *apprunnerapi.Service {
	s.t.Helper()
	service, _ := s.Create(in)
	return s.Await(*service.ServiceArn, apprunnerapi.ServiceStatusRunning)
}

// Describe returns a service.
func (s *Slipway) Describe(arn string) *apprunnerapi.Service {
	s.t.Helper()
	var out apprunnerapi.DescribeServiceOutput
	if err := s.Call("DescribeService", apprunnerapi.DescribeServiceInput{ServiceArn: &arn}, &out); err != nil {
		s.t.Fatalf("DescribeService: %v", err)
	}
	return out.Service
}

// Await waits until a service has a status, and fails at once when its operation ended with
// another.
func (s *Slipway) Await(arn string, want apprunnerapi.ServiceStatus) *apprunnerapi.Service {
	s.t.Helper()
	var service *apprunnerapi.Service
	s.Eventually("service "+arn+" is "+string(want), 90*time.Second, func() error {
		service = s.Describe(arn)
		switch *service.Status {
		case want:
			return nil
		case apprunnerapi.ServiceStatusOperationInProgress:
			return Errorf("it is %s", *service.Status)
		default:
			s.t.Fatalf("service %s is %s, want %s. Events:\n%s", arn, *service.Status, want, s.Events(*service.ServiceName))
			return nil
		}
	})
	return service
}

// Do begins an operation that needs nothing but a service, such as PauseService. It returns the
// service as it was answered and the id of the operation, "" when there was nothing to do.
func (s *Slipway) Do(operation, arn string) (*apprunnerapi.Service, string) {
	s.t.Helper()
	service, id, err := s.TryDo(operation, arn)
	if err != nil {
		s.t.Fatalf("%s: %v", operation, err)
	}
	return service, id
}

// TryDo is Do for what may be refused.
func (s *Slipway) TryDo(operation, arn string) (*apprunnerapi.Service, string, error) {
	var out struct {
		Service     *apprunnerapi.Service
		OperationId *string
	}
	err := s.Call(operation, map[string]string{"ServiceArn": arn}, &out)
	return out.Service, awsapi.Deref(out.OperationId), err
}

// Update changes a service and returns the id of the operation.
func (s *Slipway) Update(in *apprunnerapi.UpdateServiceInput) string {
	s.t.Helper()
	var out apprunnerapi.UpdateServiceOutput
	if err := s.Call("UpdateService", in, &out); err != nil {
		s.t.Fatalf("UpdateService: %v", err)
	}
	return *out.OperationId
}

// Delete deletes a service and waits until it is gone.
func (s *Slipway) Delete(arn string) {
	s.t.Helper()
	s.Do("DeleteService", arn)
	s.Await(arn, apprunnerapi.ServiceStatusDeleted)
}

// Scaling makes an auto scaling configuration and returns its ARN.
func (s *Slipway) Scaling(name string, concurrency, minSize, maxSize int32) *string {
	s.t.Helper()
	var out apprunnerapi.CreateAutoScalingConfigurationOutput
	err := s.Call("CreateAutoScalingConfiguration", apprunnerapi.CreateAutoScalingConfigurationInput{
		AutoScalingConfigurationName: &name, MaxConcurrency: &concurrency, MinSize: &minSize, MaxSize: &maxSize,
	}, &out)
	if err != nil {
		s.t.Fatalf("CreateAutoScalingConfiguration: %v", err)
	}
	return out.AutoScalingConfiguration.AutoScalingConfigurationArn
}

// Operations returns the operations of a service, newest first, with the reasons of failures.
func (s *Slipway) Operations(name string) []admin.Operation {
	s.t.Helper()
	var all []admin.Operation
	if err := json.Unmarshal([]byte(s.CLI("operations", name, "--output", "json")), &all); err != nil {
		s.t.Fatal(err)
	}
	return all
}

// AwaitOperation waits until an operation has ended.
func (s *Slipway) AwaitOperation(name, id string) admin.Operation {
	s.t.Helper()
	var ended admin.Operation
	s.Eventually("operation "+id+" ends", 90*time.Second, func() error {
		for _, o := range s.Operations(name) {
			if o.ID == id && !o.EndedAt.IsZero() {
				ended = o
				return nil
			}
		}
		return Errorf("it is under way")
	})
	return ended
}

// Events is the event log of a service.
func (s *Slipway) Events(name string) string {
	out, _, _ := s.Try("events", name)
	return out
}

// DeploymentLog is the log of a deployment.
func (s *Slipway) DeploymentLog(name, operationID string) string {
	out, _, _ := s.Try("logs", name, "--deployment", operationID)
	return out
}

// Client sends requests for service URLs to the daemon, whatever they resolve to.
func (s *Slipway) Client() *http.Client {
	return &http.Client{
		Timeout: time.Minute,
		Transport: &http.Transport{
			MaxIdleConnsPerHost: 100,
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, s.HTTP)
			},
		},
	}
}

// Get calls a service and returns the status and the body; 0 and the error when there is none.
func (s *Slipway) Get(service *apprunnerapi.Service, path string) (int, string) {
	request, err := http.NewRequest(http.MethodGet, "http://"+*service.ServiceUrl+path, nil)
	if err != nil {
		return 0, err.Error()
	}
	code, _, body := s.Send(request)
	return code, body
}

// Go begins a request that only one side can end. What it returns waits for the answer.
func (s *Slipway) Go(service *apprunnerapi.Service, method, path string) func() (int, string) {
	s.t.Helper()
	request, err := http.NewRequest(method, "http://"+*service.ServiceUrl+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	type answer struct {
		code int
		body string
	}
	got := make(chan answer, 1)
	go func() {
		code, _, body := s.Send(request)
		got <- answer{code, body}
	}()
	return func() (int, string) { a := <-got; return a.code, a.body }
}

// GetWith is Get with a client of s.Client, whose connections it uses again.
func (s *Slipway) GetWith(client *http.Client, service *apprunnerapi.Service, path string) (int, string) {
	request, err := http.NewRequest(http.MethodGet, "http://"+*service.ServiceUrl+path, nil)
	if err != nil {
		return 0, err.Error()
	}
	code, _, body := send(client, request)
	return code, body
}

// Send sends a request for a service URL, over a connection of its own.
func (s *Slipway) Send(request *http.Request) (code int, header http.Header, body string) {
	client := s.Client()
	defer client.CloseIdleConnections()
	return send(client, request)
}

func send(client *http.Client, request *http.Request) (code int, header http.Header, body string) {
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, err.Error()
	}
	return response.StatusCode, response.Header, string(data)
}
