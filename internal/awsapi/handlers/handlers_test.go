package handlers_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi/handlers"
	"github.com/slipway-run/slipway/internal/awsapi/sigv4"
	"github.com/slipway-run/slipway/internal/control"
	"github.com/slipway-run/slipway/internal/sqlite"
	"github.com/slipway-run/slipway/internal/vault"
)

const (
	keyID, secret = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	account       = "123456789012"
	region        = "eu-west-1"
)

// api is a server with the real handlers, control and store. Its answers are held to the model.
type api struct {
	url       string
	store     *sqlite.Store
	now       time.Time
	submitted []apprunner.Operation
}

// Submit implements control.Runner: nothing runs.
func (a *api) Cancel(string) bool { return false }

func (a *api) Submit(o apprunner.Operation) { a.submitted = append(a.submitted, o) }

func newAPI(t testing.TB) *api {
	t.Helper()
	box, err := vault.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "slipway.db"), box)
	if err != nil {
		t.Fatal(err)
	}
	a := &api{store: store, now: time.Unix(1_700_000_000, 0)}
	h := &handlers.Handlers{
		Control: &control.Control{
			Store: store, Runner: a, ServiceQuota: 30, Domains: control.DomainRules{Our: "localhost", Quota: 5}, Now: func() time.Time { a.now = a.now.Add(time.Second); return a.now },
			CheckImage: func(apprunner.Image, string, apprunner.Place) error { return nil },
		},
		Account: account, TokenKey: []byte("key of tokens"), Domain: "localhost",
		URL:  func(s apprunner.Service) string { return s.Host("localhost") + ":8080" },
		Host: func(s apprunner.Service) string { return s.Host("localhost") },
	}
	server := httptest.NewServer(awsapi.NewServer(awsapi.Config{
		Authenticator: &sigv4.Verifier{Keys: sigv4.Static{keyID: secret}, Services: []string{"apprunner"}, Now: time.Now},
		Authorizer:    awsapi.AuthorizerFunc(everyone),
		Logger:        slog.New(slog.DiscardHandler),
		CheckAnswers:  true,
	}, apprunnerapi.API(h)))
	t.Cleanup(func() {
		server.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	a.url = server.URL
	return a
}

// object is a JSON object as it came over the wire.
type object = map[string]any

// call does an operation with the JSON in and returns the status and the decoded answer.
func (a *api) call(t testing.TB, operation, in string) (int, object) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url+"/", strings.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "AppRunner."+operation)
	if err := sigv4.Sign(r, []byte(in), keyID, secret, region, "apprunner", time.Now()); err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out object
	if err := json.Unmarshal(body, &out); err != nil {
		t.Fatalf("%s answered %s: %v", operation, body, err)
	}
	return response.StatusCode, out
}

// ok does an operation that must succeed.
func (a *api) ok(t testing.TB, operation, in string, args ...any) object {
	t.Helper()
	status, out := a.call(t, operation, fmt.Sprintf(in, args...))
	if status != http.StatusOK {
		t.Fatalf("%s answered %d: %v", operation, status, out)
	}
	return out
}

// refused does an operation that must fail with a code, saying words.
func (a *api) refused(t testing.TB, code, words, operation, in string, args ...any) {
	t.Helper()
	status, out := a.call(t, operation, fmt.Sprintf(in, args...))
	message, _ := out["Message"].(string)
	if status == http.StatusOK || out["__type"] != code || !strings.Contains(message, words) {
		t.Errorf("%s answered %d %v, want %s: %s", operation, status, out, code, words)
	}
}

const image = `"SourceConfiguration":{"ImageRepository":{"ImageIdentifier":"registry.example/web:1","ImageRepositoryType":"ECR"}}`

// create makes a service and returns it as it was answered.
func (a *api) create(t testing.TB, name string) object {
	t.Helper()
	return a.ok(t, "CreateService", `{"ServiceName":%q,%s}`, name, image)["Service"].(object)
}

// become ends the operation of a service and puts it in a state.
func (a *api) become(t testing.TB, arn string, status apprunner.ServiceStatus) {
	t.Helper()
	id := arn[strings.LastIndex(arn, "/")+1:]
	s, err := a.store.Service(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	operations, err := a.store.Operations(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	s, o := apprunner.Succeed(s, operations[0], a.now)
	if s.Status = status; status == apprunner.ServiceDeleted {
		s.DeletedAt = a.now
	}
	if err := a.store.Record(t.Context(), s, o, nil); err != nil {
		t.Fatal(err)
	}
}

// Every default of a service is in its answer, and what was not set is left out.
func TestShapeOfAService(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	got := a.create(t, "plain")
	id, host := got["ServiceId"].(string), got["ServiceUrl"].(string)
	want := object{
		"ServiceName": "plain", "ServiceId": id, "ServiceUrl": host,
		"ServiceArn": "arn:aws:apprunner:eu-west-1:123456789012:service/plain/" + id,
		"Status":     "OPERATION_IN_PROGRESS", "CreatedAt": 1700000001.0, "UpdatedAt": 1700000001.0,
		"SourceConfiguration": object{
			"AutoDeploymentsEnabled": true,
			"ImageRepository": object{
				"ImageIdentifier": "registry.example/web:1", "ImageRepositoryType": "ECR", "ImageConfiguration": object{"Port": "8080"},
			},
		},
		"InstanceConfiguration":    object{"Cpu": "1024", "Memory": "2048"},
		"HealthCheckConfiguration": object{"Protocol": "TCP", "Path": "/", "Interval": 5.0, "Timeout": 2.0, "HealthyThreshold": 1.0, "UnhealthyThreshold": 5.0},
		"AutoScalingConfigurationSummary": object{
			"AutoScalingConfigurationArn":  "arn:aws:apprunner:eu-west-1:123456789012:autoscalingconfiguration/DefaultConfiguration/1/00000000000000000000000000000001",
			"AutoScalingConfigurationName": "DefaultConfiguration", "AutoScalingConfigurationRevision": 1.0,
		},
		"NetworkConfiguration": object{
			"EgressConfiguration": object{"EgressType": "DEFAULT"}, "IngressConfiguration": object{"IsPubliclyAccessible": true}, "IpAddressType": "IPV4",
		},
		"ObservabilityConfiguration": object{"ObservabilityEnabled": false},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("service (-want +got):\n%s", diff)
	}
	if label, rest, _ := strings.Cut(host, "."); len(label) != 10 || rest != "eu-west-1.localhost:8080" {
		t.Errorf("ServiceUrl %q", host)
	}
	if described := a.ok(t, "DescribeService", `{"ServiceArn":%q}`, got["ServiceArn"])["Service"]; cmp.Diff(got, described) != "" {
		t.Errorf("described otherwise (-created +described):\n%s", cmp.Diff(got, described))
	}
}

func TestShapeOfAFullService(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	got := a.ok(t, "CreateService", `{"ServiceName":"full",
		"SourceConfiguration":{"AutoDeploymentsEnabled":false,
			"AuthenticationConfiguration":{"AccessRoleArn":"arn:aws:iam::123456789012:role/pull"},
			"ImageRepository":{"ImageIdentifier":"registry.example/web:1","ImageRepositoryType":"ECR","ImageConfiguration":
				{"Port":"3000","StartCommand":"serve --fast","RuntimeEnvironmentVariables":{"A":"1","PORT":"9"}}}},
		"InstanceConfiguration":{"Cpu":"0.25 vCPU","Memory":"0.5 GB","InstanceRoleArn":"arn:aws:iam::123456789012:role/run"},
		"HealthCheckConfiguration":{"Protocol":"HTTP","Path":"/health","Interval":7},
		"EncryptionConfiguration":{"KmsKey":"arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"},
		"NetworkConfiguration":{"EgressConfiguration":{"EgressType":"DEFAULT"},"IngressConfiguration":{"IsPubliclyAccessible":true},"IpAddressType":"IPV4"},
		"ObservabilityConfiguration":{"ObservabilityEnabled":false},
		"Tags":[{"Key":"b","Value":"2"},{"Key":"a"}]}`)["Service"].(object)
	want := object{
		"SourceConfiguration": object{
			"AutoDeploymentsEnabled":      false,
			"AuthenticationConfiguration": object{"AccessRoleArn": "arn:aws:iam::123456789012:role/pull"},
			"ImageRepository": object{"ImageIdentifier": "registry.example/web:1", "ImageRepositoryType": "ECR", "ImageConfiguration": object{
				"Port": "3000", "StartCommand": "serve --fast", "RuntimeEnvironmentVariables": object{"A": "1", "PORT": "9"},
			}},
		},
		"InstanceConfiguration":    object{"Cpu": "256", "Memory": "512", "InstanceRoleArn": "arn:aws:iam::123456789012:role/run"},
		"HealthCheckConfiguration": object{"Protocol": "HTTP", "Path": "/health", "Interval": 7.0, "Timeout": 2.0, "HealthyThreshold": 1.0, "UnhealthyThreshold": 5.0},
		"EncryptionConfiguration":  object{"KmsKey": "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"},
	}
	for member, value := range want {
		if diff := cmp.Diff(value, got[member]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", member, diff)
		}
	}
	tags := a.ok(t, "ListTagsForResource", `{"ResourceArn":%q}`, got["ServiceArn"])["Tags"]
	if diff := cmp.Diff([]any{object{"Key": "a", "Value": ""}, object{"Key": "b", "Value": "2"}}, tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

// TestLife does every operation on a service once and looks at the answers.
func TestLife(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	s := a.create(t, "my-web")
	arn := s["ServiceArn"].(string)
	by := fmt.Sprintf(`{"ServiceArn":%q}`, arn)
	a.refused(t, "InvalidStateException", "OPERATION_IN_PROGRESS", "PauseService", "%s", by)
	a.refused(t, "InvalidRequestException", "has an operation in progress", "StartDeployment", "%s", by)
	a.become(t, arn, apprunner.ServiceRunning)

	a.refused(t, "InvalidRequestException", "No configurations provided in the UpdateService request.", "UpdateService", "%s", by)
	updated := a.ok(t, "UpdateService", `{"ServiceArn":%q,"InstanceConfiguration":{"Cpu":"2 vCPU","Memory":"4 GB"}}`, arn)
	if updated["OperationId"] == "" || updated["Service"].(object)["InstanceConfiguration"].(object)["Cpu"] != "2048" {
		t.Errorf("UpdateService answered %v", updated)
	}
	a.become(t, arn, apprunner.ServiceRunning)
	if out := a.ok(t, "StartDeployment", "%s", by); len(out) != 1 || len(out["OperationId"].(string)) != 32 {
		t.Errorf("StartDeployment answered %v", out)
	}
	a.become(t, arn, apprunner.ServiceRunning)
	if out := a.ok(t, "ResumeService", "%s", by); out["OperationId"] != nil || out["Service"] == nil {
		t.Errorf("a resume of a running service answered %v", out)
	}
	if out := a.ok(t, "PauseService", "%s", by); out["OperationId"] == nil {
		t.Errorf("PauseService answered %v", out)
	}
	a.become(t, arn, apprunner.ServicePaused)
	if out := a.ok(t, "PauseService", "%s", by); out["OperationId"] != nil {
		t.Errorf("a pause of a paused service answered %v", out)
	}
	if out := a.ok(t, "ResumeService", "%s", by); out["OperationId"] == nil {
		t.Errorf("ResumeService answered %v", out)
	}
	a.become(t, arn, apprunner.ServiceRunning)
	if out := a.ok(t, "DeleteService", "%s", by); out["OperationId"] == nil || out["Service"].(object)["Status"] != "OPERATION_IN_PROGRESS" {
		t.Errorf("DeleteService answered %v", out)
	}
	a.become(t, arn, apprunner.ServiceDeleted)

	if out := a.ok(t, "DescribeService", "%s", by)["Service"].(object); out["Status"] != "DELETED" || out["DeletedAt"] == nil {
		t.Errorf("a service deleted just now is described as %v", out)
	}
	if out := a.ok(t, "ListServices", "{}"); len(out["ServiceSummaryList"].([]any)) != 0 {
		t.Errorf("a deleted service is listed: %v", out)
	}
	var kinds []string
	for _, o := range a.ok(t, "ListOperations", "%s", by)["OperationSummaryList"].([]any) {
		o := o.(object)
		kinds = append(kinds, o["Type"].(string))
		if o["TargetArn"] != arn || o["Status"] != "SUCCEEDED" || o["StartedAt"] == nil || o["EndedAt"] == nil {
			t.Errorf("operation %v", o)
		}
	}
	want := []string{"DELETE_SERVICE", "RESUME_SERVICE", "PAUSE_SERVICE", "START_DEPLOYMENT", "UPDATE_SERVICE", "CREATE_SERVICE"}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("operations, newest first (-want +got):\n%s", diff)
	}
	for _, operation := range []string{"UpdateService", "DeleteService", "PauseService", "ResumeService", "StartDeployment"} {
		a.refused(t, "ResourceNotFoundException", "is deleted", operation, "%s", by)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	arn := a.create(t, "my-web")["ServiceArn"].(string)
	a.refused(t, "InvalidRequestException", "already exists", "CreateService", `{"ServiceName":"my-web",%s}`, image)
	a.refused(t, "InvalidRequestException", "given twice", "CreateService", `{"ServiceName":"other",%s,"Tags":[{"Key":"a"},{"Key":"a"}]}`, image)
	a.refused(t, "InvalidRequestException", "cannot be the name of a branch", "CreateService",
		`{"ServiceName":"other","SourceConfiguration":{"CodeRepository":{"RepositoryUrl":"https://git.example/a","SourceCodeVersion":{"Type":"BRANCH","Value":"a b"}}}}`)
	a.refused(t, "InvalidRequestException", "needs exactly one of", "CreateService", `{"ServiceName":"other","SourceConfiguration":{}}`)
	a.refused(t, "InvalidRequestException", "There is no vpcconnector", "CreateService",
		`{"ServiceName":"other",%s,"NetworkConfiguration":{"EgressConfiguration":{"EgressType":"VPC","VpcConnectorArn":"arn:aws:apprunner:eu-west-1:123456789012:vpcconnector/a/1/11111111111111111111111111111111"}}}`, image)
	a.refused(t, "InvalidRequestException", "given twice", "TagResource", `{"ResourceArn":%q,"Tags":[{"Key":"a"},{"Key":"a"}]}`, arn)
	a.refused(t, "InvalidRequestException", "has no key", "TagResource", `{"ResourceArn":%q,"Tags":[{"Value":"a"}]}`, arn)
	for _, operation := range []string{"DescribeService", "DeleteService", "ListOperations", "PauseService"} {
		a.refused(t, "ResourceNotFoundException", "There is no service", operation, `{"ServiceArn":"arn:aws:apprunner:us-east-1:123456789012:service/web/11111111111111111111111111111111"}`)
	}
}

// An UpdateService that asks for a VPC without a connector is refused, not ignored.
func TestVPCWithoutConnector(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.refused(t, "InvalidRequestException", "EgressType VPC needs a VpcConnectorArn", "CreateService",
		`{"ServiceName":"other",%s,"NetworkConfiguration":{"EgressConfiguration":{"EgressType":"VPC"}}}`, image)
}

func TestTags(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	arn := a.create(t, "my-web")["ServiceArn"].(string)
	if out := a.ok(t, "ListTagsForResource", `{"ResourceArn":%q}`, arn); cmp.Diff(object{"Tags": []any{}}, out) != "" {
		t.Errorf("no tags: %v", out)
	}
	if out := a.ok(t, "TagResource", `{"ResourceArn":%q,"Tags":[{"Key":"b","Value":"1"},{"Key":"a","Value":"2"}]}`, arn); len(out) != 0 {
		t.Errorf("TagResource answered %v", out)
	}
	if out := a.ok(t, "UntagResource", `{"ResourceArn":%q,"TagKeys":["b","c"]}`, arn); len(out) != 0 {
		t.Errorf("UntagResource answered %v", out)
	}
	want := object{"Tags": []any{object{"Key": "a", "Value": "2"}}}
	if diff := cmp.Diff(want, a.ok(t, "ListTagsForResource", `{"ResourceArn":%q}`, arn)); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

// The statuses of auto scaling configurations are in lower case on the wire, whatever the model says.
func TestAutoScalingConfigurations(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	made := a.ok(t, "CreateAutoScalingConfiguration", `{"AutoScalingConfigurationName":"fast","MaxConcurrency":50,"Tags":[{"Key":"a","Value":"1"}]}`)["AutoScalingConfiguration"].(object)
	arn := made["AutoScalingConfigurationArn"].(string)
	want := object{
		"AutoScalingConfigurationArn": arn, "AutoScalingConfigurationName": "fast", "AutoScalingConfigurationRevision": 1.0, "Latest": true,
		"Status": "active", "MaxConcurrency": 50.0, "MinSize": 1.0, "MaxSize": 25.0, "CreatedAt": 1700000001.0, "HasAssociatedService": false, "IsDefault": false,
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	second := a.ok(t, "CreateAutoScalingConfiguration", `{"AutoScalingConfigurationName":"fast"}`)["AutoScalingConfiguration"].(object)
	if first := a.ok(t, "DescribeAutoScalingConfiguration", `{"AutoScalingConfigurationArn":%q}`, arn)["AutoScalingConfiguration"].(object); first["Latest"] != false {
		t.Errorf("the first revision is still the latest: %v", first)
	}
	used := a.ok(t, "CreateService", `{"ServiceName":"my-web",%s,"AutoScalingConfigurationArn":%q}`, image, arn)["Service"].(object)
	if first := a.ok(t, "DescribeAutoScalingConfiguration", `{"AutoScalingConfigurationArn":%q}`, arn)["AutoScalingConfiguration"].(object); first["HasAssociatedService"] != true {
		t.Errorf("a configuration in use is shown as %v", first)
	}
	if out := a.ok(t, "ListServicesForAutoScalingConfiguration", `{"AutoScalingConfigurationArn":%q}`, arn); cmp.Diff(object{"ServiceArnList": []any{used["ServiceArn"]}}, out) != "" {
		t.Errorf("its services: %v", out)
	}
	if out := a.ok(t, "ListServicesForAutoScalingConfiguration", `{"AutoScalingConfigurationArn":%q}`, second["AutoScalingConfigurationArn"]); cmp.Diff(object{"ServiceArnList": []any{}}, out) != "" {
		t.Errorf("services of the second: %v", out)
	}
	a.refused(t, "InvalidRequestException", "is in use", "DeleteAutoScalingConfiguration", `{"AutoScalingConfigurationArn":%q}`, arn)
	if out := a.ok(t, "UpdateDefaultAutoScalingConfiguration", `{"AutoScalingConfigurationArn":%q}`, second["AutoScalingConfigurationArn"]); out["AutoScalingConfiguration"].(object)["IsDefault"] != true {
		t.Errorf("the new default: %v", out)
	}
	names := func(in string) (all []string) {
		for _, c := range a.ok(t, "ListAutoScalingConfigurations", "%s", in)["AutoScalingConfigurationSummaryList"].([]any) {
			c := c.(object)
			if c["Status"] != "active" || c["CreatedAt"] == nil {
				t.Errorf("summary %v", c)
			}
			all = append(all, fmt.Sprintf("%v/%v/%v", c["AutoScalingConfigurationName"], c["AutoScalingConfigurationRevision"], c["IsDefault"]))
		}
		return all
	}
	for in, want := range map[string][]string{
		`{}`:                   {"DefaultConfiguration/1/false", "fast/2/true"},
		`{"LatestOnly":true}`:  {"DefaultConfiguration/1/false", "fast/2/true"},
		`{"LatestOnly":false}`: {"DefaultConfiguration/1/false", "fast/1/false", "fast/2/true"},
		`{"LatestOnly":false,"AutoScalingConfigurationName":"fast"}`: {"fast/1/false", "fast/2/true"},
		`{"AutoScalingConfigurationName":"slow"}`:                    nil,
	} {
		if diff := cmp.Diff(want, names(in)); diff != "" {
			t.Errorf("ListAutoScalingConfigurations %s (-want +got):\n%s", in, diff)
		}
	}
	a.ok(t, "CreateAutoScalingConfiguration", `{"AutoScalingConfigurationName":"idle"}`)
	third := a.ok(t, "CreateAutoScalingConfiguration", `{"AutoScalingConfigurationName":"idle"}`)["AutoScalingConfiguration"].(object)
	gone := a.ok(t, "DeleteAutoScalingConfiguration", `{"AutoScalingConfigurationArn":%q}`, third["AutoScalingConfigurationArn"])["AutoScalingConfiguration"].(object)
	if gone["Status"] != "inactive" || gone["DeletedAt"] == nil || gone["Latest"] != false {
		t.Errorf("deleted: %v", gone)
	}
	all := a.ok(t, "DeleteAutoScalingConfiguration", `{"AutoScalingConfigurationArn":"arn:aws:apprunner:eu-west-1:123456789012:autoscalingconfiguration/idle","DeleteAllRevisions":true}`)["AutoScalingConfiguration"].(object)
	if all["Status"] != "inactive" || all["AutoScalingConfigurationName"] != "idle" {
		t.Errorf("all deleted: %v", all)
	}
	if left := names(`{"AutoScalingConfigurationName":"idle","LatestOnly":false}`); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	a.refused(t, "InvalidRequestException", "names a revision", "DeleteAutoScalingConfiguration", `{"AutoScalingConfigurationArn":%q,"DeleteAllRevisions":true}`, arn)
	a.refused(t, "ResourceNotFoundException", "There is no auto scaling configuration", "DescribeAutoScalingConfiguration", `{"AutoScalingConfigurationArn":"arn:aws:apprunner:eu-west-1:123456789012:autoscalingconfiguration/slow"}`)
	a.refused(t, "ResourceNotFoundException", "There is no auto scaling configuration", "UpdateDefaultAutoScalingConfiguration", `{"AutoScalingConfigurationArn":"arn:aws:apprunner:eu-west-1:123456789012:autoscalingconfiguration/slow"}`)
	a.refused(t, "ResourceNotFoundException", "There is no auto scaling configuration", "ListServicesForAutoScalingConfiguration", `{"AutoScalingConfigurationArn":"arn:aws:apprunner:eu-west-1:123456789012:autoscalingconfiguration/slow"}`)
}

// Every operation that has a handler is called by these tests.
func TestAllOperationsAreTested(t *testing.T) {
	t.Parallel()
	source := slices.Sorted(slices.Values([]string{
		"CreateService", "DescribeService", "ListServices", "UpdateService", "StartDeployment", "PauseService", "ResumeService", "DeleteService", "ListOperations",
		"CreateAutoScalingConfiguration", "DescribeAutoScalingConfiguration", "DeleteAutoScalingConfiguration", "ListAutoScalingConfigurations",
		"ListServicesForAutoScalingConfiguration", "UpdateDefaultAutoScalingConfiguration", "TagResource", "UntagResource", "ListTagsForResource",
		"CreateConnection", "ListConnections", "DeleteConnection",
		"CreateObservabilityConfiguration", "DescribeObservabilityConfiguration", "ListObservabilityConfigurations", "DeleteObservabilityConfiguration",
		"CreateVpcConnector", "DescribeVpcConnector", "ListVpcConnectors", "DeleteVpcConnector",
		"CreateVpcIngressConnection", "DescribeVpcIngressConnection", "ListVpcIngressConnections", "UpdateVpcIngressConnection", "DeleteVpcIngressConnection",
		"AssociateCustomDomain", "DescribeCustomDomains", "DisassociateCustomDomain",
	}))
	a := newAPI(t)
	var have []string
	for name := range apprunnerapi.API(&handlers.Handlers{}).Operations {
		if _, out := a.call(t, name, "[]"); out["__type"] == "SerializationException" && a.implemented(t, name) {
			have = append(have, name)
		}
	}
	slices.Sort(have)
	if diff := cmp.Diff(source, have); diff != "" {
		t.Errorf("operations with a handler (-tested +have): add tests for the new ones:\n%s", diff)
	}
}
