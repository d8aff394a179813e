package apprunnerapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
)

func TestEveryOperationOfTheModelIsDispatched(t *testing.T) {
	data, err := os.ReadFile("../model/apprunner.json")
	if err != nil {
		t.Fatal(err)
	}
	var model struct{ Operations map[string]json.RawMessage }
	if err := json.Unmarshal(data, &model); err != nil {
		t.Fatal(err)
	}
	api := apprunnerapi.API(apprunnerapi.Unimplemented{})
	want, got := slices.Sorted(maps.Keys(model.Operations)), slices.Sorted(maps.Keys(api.Operations))
	if diff := cmp.Diff(want, got); diff != "" || len(got) != 37 {
		t.Errorf("%d operations: %s", len(got), diff)
	}
}

func TestUnimplementedSaysSo(t *testing.T) {
	methods := reflect.ValueOf(apprunnerapi.Unimplemented{})
	for i := range methods.NumMethod() {
		name := methods.Type().Method(i).Name
		in := reflect.New(methods.Method(i).Type().In(1).Elem())
		out := methods.Method(i).Call([]reflect.Value{reflect.ValueOf(t.Context()), in})
		err, _ := out[1].Interface().(error)
		if e, ok := errors.AsType[*awsapi.Error](err); !ok || e.Code != "UnknownOperationException" || !strings.Contains(e.Message, "AppRunner."+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const validCreate = `{
 "ServiceName": "hello_App-1",
 "SourceConfiguration": {
  "ImageRepository": {
   "ImageIdentifier": "ghcr.io/someone/hello:latest",
   "ImageRepositoryType": "ECR",
   "ImageConfiguration": {
    "Port": "8080",
    "StartCommand": "run --fast",
    "RuntimeEnvironmentVariables": {"KEY": "-----BEGIN-----\nline\n", "EMPTY": ""},
    "RuntimeEnvironmentSecrets": {"DB": "arn:aws:secretsmanager:us-east-1:123456789012:secret:db"}
   }
  },
  "AutoDeploymentsEnabled": false,
  "AuthenticationConfiguration": {"AccessRoleArn": "arn:aws:iam::123456789012:role/service-role/Access"}
 },
 "InstanceConfiguration": {"Cpu": "0.25 vCPU", "Memory": "512", "InstanceRoleArn": "arn:aws:iam::123456789012:role/Instance"},
 "Tags": [{"Key": "slipway:idle", "Value": "frozen"}, {"Key": "Aws:x"}],
 "HealthCheckConfiguration": {"Protocol": "HTTP", "Path": "/", "Interval": 5, "Timeout": 2, "HealthyThreshold": 1, "UnhealthyThreshold": 5},
 "AutoScalingConfigurationArn": "arn:aws:apprunner:us-east-1:123456789012:autoscalingconfiguration/DefaultConfiguration/1/00000000000000000000000000000001",
 "NetworkConfiguration": {"EgressConfiguration": {"EgressType": "DEFAULT"}, "IngressConfiguration": {"IsPubliclyAccessible": true}, "IpAddressType": "IPV4"},
 "ObservabilityConfiguration": {"ObservabilityEnabled": false}
}`

func decodeCreate(t testing.TB, body string) *apprunnerapi.CreateServiceInput {
	t.Helper()
	in := new(apprunnerapi.CreateServiceInput)
	if err := awsapi.Unmarshal([]byte(body), in); err != nil {
		t.Fatal(err)
	}
	return in
}

func TestCreateServiceInput(t *testing.T) {
	in := decodeCreate(t, validCreate)
	if err := in.Validate(); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, decodeCreate(t, string(encoded))); diff != "" {
		t.Errorf("encoding changes it: %s", diff)
	}
}

func TestCreateServiceConstraints(t *testing.T) {
	tests := []struct{ old, new, want string }{
		{`"ServiceName": "hello_App-1",`, ``, "Value null at 'serviceName' failed to satisfy constraint: Member must not be null"},
		{"hello_App-1", "abc", "Value 'abc' at 'serviceName' failed to satisfy constraint: Member must have length greater than or equal to 4"},
		{"hello_App-1", strings.Repeat("a", 41), "' at 'serviceName' failed to satisfy constraint: Member must have length less than or equal to 40"},
		{"hello_App-1", "-hello", "Value '-hello' at 'serviceName' failed to satisfy constraint: Member must satisfy regular expression pattern: [A-Za-z0-9][A-Za-z0-9-_]{3,39}"},
		{"hello_App-1", `hello\n`, "at 'serviceName' failed to satisfy constraint: Member must satisfy regular expression"},
		{`"ImageIdentifier": "ghcr.io/someone/hello:latest",`, ``, "Value null at 'sourceConfiguration.imageRepository.imageIdentifier' failed"},
		{`ghcr.io/someone/hello:latest`, strings.Repeat("a", 1025), "at 'sourceConfiguration.imageRepository.imageIdentifier' failed to satisfy constraint: Member must have length less than or equal to 1024"},
		{`"ImageRepositoryType": "ECR"`, `"ImageRepositoryType": "HUB"`, "Value 'HUB' at 'sourceConfiguration.imageRepository.imageRepositoryType' failed to satisfy constraint: Member must satisfy enum value set: [ECR, ECR_PUBLIC]"},
		{`0.25 vCPU`, `0.3 vCPU`, "Value '0.3 vCPU' at 'instanceConfiguration.cpu' failed"},
		{`0.25 vCPU`, `x256`, "Value 'x256' at 'instanceConfiguration.cpu' failed"},
		{`"Memory": "512"`, `"Memory": "5120"`, "Value '5120' at 'instanceConfiguration.memory' failed"},
		{`"Interval": 5`, `"Interval": 0`, "Value '0' at 'healthCheckConfiguration.interval' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{`"Interval": 5`, `"Interval": 21`, "Value '21' at 'healthCheckConfiguration.interval' failed to satisfy constraint: Member must have value less than or equal to 20"},
		{`slipway:idle`, `aws:idle`, "Value 'aws:idle' at 'tags.1.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: ^(?!aws:).+"},
		{`"Key": "slipway:idle"`, `"Key": ""`, "Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{`run --fast`, `run\rfast`, "Value at 'sourceConfiguration.imageRepository.imageConfiguration.startCommand' failed to satisfy constraint: Member must satisfy regular expression pattern: [^\\x0a\\x0d]+"},
		{`"EMPTY"`, `""`, "Value at 'sourceConfiguration.imageRepository.imageConfiguration.runtimeEnvironmentVariables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length greater than or equal to 1]"},
		{`arn:aws:iam::123456789012:role/Instance`, `arn:aws:iam::123456789012:user/Instance`, "at 'instanceConfiguration.instanceRoleArn' failed"},
		{`arn:aws:apprunner`, `arn:azure:apprunner`, "at 'autoScalingConfigurationArn' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:aws(-[\\w]+)*:[a-z0-9-\\\\.]{0,63}:[a-z0-9-\\\\.]{0,63}:[0-9]{12}:(\\w|\\/|-){1,1011}"},
		{`{"ObservabilityEnabled": false}`, `{}`, "Value null at 'observabilityConfiguration.observabilityEnabled' failed"},
	}
	for _, tt := range tests {
		t.Run(tt.new, func(t *testing.T) {
			if !strings.Contains(validCreate, tt.old) {
				t.Fatalf("%q is not in the request", tt.old)
			}
			err := decodeCreate(t, strings.Replace(validCreate, tt.old, tt.new, 1)).Validate()
			if _, ok := errors.AsType[awsapi.Violations](err); !ok || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v\nwant one with %s", err, tt.want)
			}
		})
	}
}

func validService(at time.Time) *apprunnerapi.Service {
	return &apprunnerapi.Service{
		ServiceName: new("hello"), ServiceId: new("8fe1e10304f84fd2b0df550fe98a71fa"),
		ServiceArn: new("arn:aws:apprunner:us-east-1:123456789012:service/hello/8fe1e10304f84fd2b0df550fe98a71fa"),
		Status:     new(apprunnerapi.ServiceStatusRunning),
		CreatedAt:  awsapi.NewTime(at), UpdatedAt: awsapi.NewTime(at),
		SourceConfiguration:             &apprunnerapi.SourceConfiguration{},
		InstanceConfiguration:           &apprunnerapi.InstanceConfiguration{},
		AutoScalingConfigurationSummary: &apprunnerapi.AutoScalingConfigurationSummary{Status: new(apprunnerapi.AutoScalingConfigurationStatusActive)},
		NetworkConfiguration:            &apprunnerapi.NetworkConfiguration{},
	}
}

// App Runner's answers do not keep to App Runner's model: identifiers have no dashes and two
// statuses are in lower case.
func TestAnswersAsTheyAre(t *testing.T) {
	at := time.UnixMilli(1700000000250)
	for _, operation := range []string{"17fe9f55b7b44b1ab54d4e1d2b0e3f11", "17fe9f55-b7b4-4b1a-b54d-4e1d2b0e3f11"} {
		out := &apprunnerapi.CreateServiceOutput{Service: validService(at), OperationId: &operation}
		if err := out.Validate(); err != nil {
			t.Errorf("operation id %q: %v", operation, err)
		}
	}
	encoded, err := json.Marshal(validService(at))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"CreatedAt":1700000000.25`, `"AutoScalingConfigurationSummary":{"Status":"active"}`, `"Status":"RUNNING"`} {
		if !strings.Contains(string(encoded), want) {
			t.Errorf("%s does not have %s", encoded, want)
		}
	}
	domain := &apprunnerapi.CustomDomain{Status: new(apprunnerapi.CustomDomainAssociationStatusPendingCertificateDnsValidation)}
	if *domain.Status != "pending_certificate_dns_validation" {
		t.Errorf("status = %q", *domain.Status)
	}
	if err := (&apprunnerapi.DescribeServiceOutput{Service: &apprunnerapi.Service{}}).Validate(); err == nil {
		t.Error("a service without anything passes")
	}
}

func TestRequiredListsAreNeverAbsent(t *testing.T) {
	out := new(apprunnerapi.DescribeCustomDomainsOutput)
	out.FillLists()
	encoded, err := json.Marshal(out)
	if err != nil || string(encoded) != `{"CustomDomains":[],"VpcDNSTargets":[]}` {
		t.Errorf("%s, %v", encoded, err)
	}
}

func TestPrintingShowsNoSecrets(t *testing.T) {
	body := strings.NewReplacer("run --fast", "SECRET", "KEY", "SECRET", "DB", "SECRET", "line", "SECRET").Replace(validCreate)
	in := decodeCreate(t, body)
	image := in.SourceConfiguration.ImageRepository.ImageConfiguration
	var log strings.Builder
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).LogAttrs(context.Background(), slog.LevelInfo, "x", slog.Any("in", in), slog.Any("image", *image), slog.Any("map", struct{ In any }{in.SourceConfiguration}.In))
	}
	printed := fmt.Sprintf("%v %+v %#v %s %v", in, *in, in, image, struct {
		P *apprunnerapi.ImageConfiguration
	}{image})
	for _, got := range []string{log.String(), printed, fmt.Sprintf("%v", []apprunnerapi.ImageConfiguration{*image})} {
		if strings.Contains(got, "SECRET") {
			t.Errorf("%s tells a secret", got)
		}
	}
	if !strings.Contains(printed, "hello_App-1") || !strings.Contains(log.String(), "hello_App-1") {
		t.Errorf("%s\n%s\nhide too much", printed, log.String())
	}
}

func BenchmarkDecodeAndValidate(b *testing.B) {
	body := []byte(validCreate)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		in := new(apprunnerapi.CreateServiceInput)
		if err := awsapi.Unmarshal(body, in); err != nil {
			b.Fatal(err)
		}
		if err := in.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}
