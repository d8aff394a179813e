package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/apprunner"
	"github.com/aws/aws-sdk-go-v2/service/apprunner/types"
	"github.com/aws/smithy-go"

	"github.com/slipway-run/slipway/test/kit"
)

// goClient is the AWS SDK for Go at work in a Region.
type goClient struct {
	*sdk.Client
	s *kit.Slipway
	// arns are the services and configurations that the cases made, by name.
	arns map[string]*string
}

func newGoClient(t *testing.T, s *kit.Slipway) *goClient {
	t.Helper()
	key := s.Key()
	return &goClient{s: s, arns: map[string]*string{}, Client: sdk.New(sdk.Options{
		Region: s.Region, BaseEndpoint: new("http://" + s.API), HTTPClient: &http.Client{Transport: wire{t}},
		Credentials: credentials.NewStaticCredentialsProvider(key.ID, key.Secret, ""),
	})}
}

// at is the same client in another Region.
func (c *goClient) at(region string) func(*sdk.Options) {
	return func(o *sdk.Options) { o.Region = region }
}

// step is one expectation: "Operation/what it does". The steps of a list build on each other.
type step struct {
	name string
	run  func(t *testing.T, c *goClient)
}

func testGo(t *testing.T, s *kit.Slipway) {
	c := newGoClient(t, s)
	for _, steps := range [][]step{serviceSteps, scalingSteps, tagSteps, resourceSteps, ingressSteps, domainSteps, endSteps} {
		for _, step := range steps {
			if ok := t.Run(step.name, func(t *testing.T) { step.run(t, c) }); !ok {
				return // the next ones need what this one makes
			}
		}
	}
}

// source is an image that answers at once.
func (c *goClient) source(image string, variables map[string]string) *types.SourceConfiguration {
	return &types.SourceConfiguration{
		AuthenticationConfiguration: &types.AuthenticationConfiguration{AccessRoleArn: new(kit.Role)},
		AutoDeploymentsEnabled:      new(false),
		ImageRepository: &types.ImageRepository{
			ImageIdentifier: new(c.s.Image(image)), ImageRepositoryType: types.ImageRepositoryTypeEcr,
			ImageConfiguration: &types.ImageConfiguration{RuntimeEnvironmentVariables: variables},
		},
	}
}

// create makes a service of an image and remembers its ARN.
func (c *goClient) create(t *testing.T, name, image string, variables map[string]string) *sdk.CreateServiceOutput {
	t.Helper()
	out := must[sdk.CreateServiceOutput](t)(c.CreateService(t.Context(), &sdk.CreateServiceInput{
		ServiceName: &name, SourceConfiguration: c.source(image, variables),
		InstanceConfiguration:    &types.InstanceConfiguration{Cpu: new("0.25 vCPU"), Memory: new("0.5 GB")},
		HealthCheckConfiguration: &types.HealthCheckConfiguration{Interval: new(int32(1)), UnhealthyThreshold: new(int32(2))},
	}))
	c.arns[name] = out.Service.ServiceArn
	return out
}

// await waits until a service has a status, as Terraform does.
func (c *goClient) await(t *testing.T, arn *string, want types.ServiceStatus) *types.Service {
	t.Helper()
	var service *types.Service
	c.s.With(t).Eventually(*arn+" is "+string(want), time.Minute, func() error {
		out, err := c.DescribeService(t.Context(), &sdk.DescribeServiceInput{ServiceArn: arn})
		if err != nil {
			return err
		}
		if service = out.Service; service.Status != want {
			return fmt.Errorf("it is %s", service.Status)
		}
		return nil
	})
	return service
}

// operation returns an operation that has ended.
func (c *goClient) operation(t *testing.T, arn, id *string) types.OperationSummary {
	t.Helper()
	var found types.OperationSummary
	c.s.With(t).Eventually("operation "+aws.ToString(id)+" has ended", time.Minute, func() error {
		out, err := c.ListOperations(t.Context(), &sdk.ListOperationsInput{ServiceArn: arn})
		if err != nil {
			return err
		}
		for _, o := range out.OperationSummaryList {
			if found = o; *o.Id == *id && o.EndedAt != nil {
				return nil
			}
		}
		return errors.New("not yet")
	})
	return found
}

// must returns a function that takes what a call returned and fails the test when that is an error.
func must[T any](t *testing.T) func(*T, error) *T {
	t.Helper()
	return func(out *T, err error) *T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// refused fails the test unless err is the exception E of the SDK, with text in its message.
func refused[E smithy.APIError](t *testing.T, text string) func(any, error) {
	t.Helper()
	return func(_ any, err error) {
		t.Helper()
		e, ok := errors.AsType[E](err)
		if !ok || !strings.Contains(e.ErrorMessage(), text) {
			t.Errorf("got error %v, want %T with %q", err, *new(E), text)
		}
	}
}

type (
	invalidRequest = *types.InvalidRequestException
	invalidState   = *types.InvalidStateException
	notFound       = *types.ResourceNotFoundException
	quotaExceeded  = *types.ServiceQuotaExceededException
)

// pages reads all pages of a paginator.
func pages[T any](t *testing.T, more func() bool, next func(context.Context, ...func(*sdk.Options)) (*T, error)) []*T {
	t.Helper()
	var all []*T
	for more() {
		if len(all) == 50 {
			t.Fatal("the pages do not end")
		}
		all = append(all, must[T](t)(next(t.Context())))
	}
	return all
}
