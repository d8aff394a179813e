package conformance

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/apprunner"
	"github.com/aws/aws-sdk-go-v2/service/apprunner/types"
	"github.com/aws/smithy-go"

	"github.com/slipway-run/slipway/test/kit"
)

// What an operation does to a service in a state.
const (
	allowed = "allowed"
	nothing = "nothing to do" // 200 without an OperationId
	state   = "InvalidStateException"
	request = "InvalidRequestException"
	gone    = "ResourceNotFoundException"
)

// table is what is allowed in which state. DELETE_FAILED is not among them, for no client can bring
// it about: the tests of internal/apprunner and internal/operation have it.
var table = []struct {
	operation string
	want      [5]string // in the order of states
}{
	{"DescribeService", [5]string{allowed, allowed, allowed, allowed, allowed}},
	{"ListOperations", [5]string{allowed, allowed, allowed, allowed, allowed}},
	{"DescribeCustomDomains", [5]string{allowed, allowed, allowed, allowed, allowed}},
	{"TagResource", [5]string{allowed, allowed, allowed, allowed, gone}},
	{"UntagResource", [5]string{allowed, allowed, allowed, allowed, gone}},
	{"ListTagsForResource", [5]string{allowed, allowed, allowed, allowed, gone}},
	{"AssociateCustomDomain", [5]string{allowed, state, state, state, gone}},
	{"DisassociateCustomDomain", [5]string{allowed, state, state, state, gone}},
	{"CreateVpcIngressConnection", [5]string{allowed, allowed, state, state, request}}, // knows no ResourceNotFoundException
	{"StartDeployment", [5]string{allowed, request, request, request, gone}},
	{"PauseService", [5]string{allowed, nothing, state, state, gone}},
	{"ResumeService", [5]string{nothing, allowed, state, state, gone}},
	{"UpdateService", [5]string{allowed, state, allowed, state, gone}},
	{"DeleteService", [5]string{allowed, allowed, allowed, state, gone}},
}

// states are those that a client can bring about, and how it does.
var states = []struct {
	status types.ServiceStatus
	image  string
	reach  func(t *testing.T, c *goClient, arn *string)
}{
	{types.ServiceStatusRunning, "mimic:v1", func(*testing.T, *goClient, *string) {}},
	{types.ServiceStatusPaused, "mimic:v1", pause},
	{types.ServiceStatusCreateFailed, "absent:v1", func(*testing.T, *goClient, *string) {}},
	{types.ServiceStatusOperationInProgress, "mimic:v1", nil},
	{types.ServiceStatusDeleted, "absent:v1", func(t *testing.T, c *goClient, arn *string) {
		t.Helper()
		c.await(t, arn, types.ServiceStatusCreateFailed)
		must[sdk.DeleteServiceOutput](t)(c.DeleteService(t.Context(), &sdk.DeleteServiceInput{ServiceArn: arn}))
	}},
}

func pause(t *testing.T, c *goClient, arn *string) {
	t.Helper()
	c.await(t, arn, types.ServiceStatusRunning)
	must[sdk.PauseServiceOutput](t)(c.PauseService(t.Context(), &sdk.PauseServiceInput{ServiceArn: arn}))
}

// testStates asks for every operation in every state.
func testStates(t *testing.T, s *kit.Slipway) {
	for i, state := range states {
		t.Run(string(state.status), func(t *testing.T) {
			t.Parallel()
			c := newGoClient(t, s)
			variables := map[string]string{}
			if state.reach == nil {
				variables["START_DELAY"] = "1h"
			}
			arn := c.create(t, "state-"+string(state.status), state.image, variables).Service.ServiceArn
			for _, row := range table {
				if state.reach != nil {
					c.settle(t, arn, state.status, state.reach)
				}
				t.Run(row.operation+"/"+row.want[i], func(t *testing.T) {
					id, err := c.do(t, row.operation, arn)
					wantCell(t, row.want[i], id, err)
				})
			}
			if state.reach == nil { // let it fail, so that it can be deleted
				c.await(t, arn, types.ServiceStatusCreateFailed)
				_, err := c.do(t, "DeleteService", arn)
				wantCell(t, allowed, nil, err)
			}
			c.await(t, arn, types.ServiceStatusDeleted)
		})
	}
}

// settle brings a service back to a state, from wherever the last operation took it.
func (c *goClient) settle(t *testing.T, arn *string, want types.ServiceStatus, reach func(*testing.T, *goClient, *string)) {
	t.Helper()
	var now types.ServiceStatus
	c.s.With(t).Eventually(*arn+" is idle", time.Minute, func() error {
		now = must[sdk.DescribeServiceOutput](t)(c.DescribeService(t.Context(), &sdk.DescribeServiceInput{ServiceArn: arn})).Service.Status
		if now == types.ServiceStatusOperationInProgress {
			return errors.New("it is " + string(now))
		}
		return nil
	})
	switch {
	case now == want:
		return
	case now == types.ServiceStatusPaused:
		must[sdk.ResumeServiceOutput](t)(c.ResumeService(t.Context(), &sdk.ResumeServiceInput{ServiceArn: arn}))
	}
	reach(t, c, arn)
	c.await(t, arn, want)
}

// do does an operation on a service, and returns the id that it was given.
func (c *goClient) do(t *testing.T, operation string, arn *string) (id *string, err error) {
	t.Helper()
	switch operation {
	case "DescribeService":
		_, err = c.DescribeService(t.Context(), &sdk.DescribeServiceInput{ServiceArn: arn})
	case "ListOperations":
		_, err = c.ListOperations(t.Context(), &sdk.ListOperationsInput{ServiceArn: arn})
	case "DescribeCustomDomains":
		_, err = c.DescribeCustomDomains(t.Context(), &sdk.DescribeCustomDomainsInput{ServiceArn: arn})
	case "TagResource":
		_, err = c.TagResource(t.Context(), &sdk.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{{Key: new("k"), Value: new("v")}}})
	case "UntagResource":
		_, err = c.UntagResource(t.Context(), &sdk.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"k"}})
	case "ListTagsForResource":
		_, err = c.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceArn: arn})
	case "AssociateCustomDomain":
		_, err = c.AssociateCustomDomain(t.Context(), &sdk.AssociateCustomDomainInput{ServiceArn: arn, DomainName: domainOf(arn)})
	case "DisassociateCustomDomain":
		_, err = c.DisassociateCustomDomain(t.Context(), &sdk.DisassociateCustomDomainInput{ServiceArn: arn, DomainName: domainOf(arn)})
	case "CreateVpcIngressConnection":
		return nil, c.visit(t, arn)
	case "StartDeployment":
		out, err := c.StartDeployment(t.Context(), &sdk.StartDeploymentInput{ServiceArn: arn})
		return idOf(out, err, func() *string { return out.OperationId })
	case "PauseService":
		out, err := c.PauseService(t.Context(), &sdk.PauseServiceInput{ServiceArn: arn})
		return idOf(out, err, func() *string { return out.OperationId })
	case "ResumeService":
		out, err := c.ResumeService(t.Context(), &sdk.ResumeServiceInput{ServiceArn: arn})
		return idOf(out, err, func() *string { return out.OperationId })
	case "UpdateService":
		out, err := c.UpdateService(t.Context(), &sdk.UpdateServiceInput{ServiceArn: arn, InstanceConfiguration: &types.InstanceConfiguration{Cpu: new("512"), Memory: new("1024")}})
		return idOf(out, err, func() *string { return out.OperationId })
	case "DeleteService":
		out, err := c.DeleteService(t.Context(), &sdk.DeleteServiceInput{ServiceArn: arn})
		return idOf(out, err, func() *string { return out.OperationId })
	default:
		t.Fatalf("the table has the operation %s, which is not known here", operation)
	}
	return nil, err
}

// domainOf is a custom domain for a service.
func domainOf(arn *string) *string {
	parts := strings.Split(*arn, "/")
	return new(parts[len(parts)-1] + ".example")
}

// visit makes a VPC ingress connection, and deletes it: a service that has one stays.
func (c *goClient) visit(t *testing.T, arn *string) error {
	t.Helper()
	made, err := c.CreateVpcIngressConnection(t.Context(), &sdk.CreateVpcIngressConnectionInput{
		VpcIngressConnectionName: new("visit-" + strings.Split(*arn, "/")[1]), ServiceArn: arn,
		IngressVpcConfiguration: &types.IngressVpcConfiguration{VpcId: new("vpc-1"), VpcEndpointId: new("vpce-1")},
	})
	if err != nil {
		return err
	}
	c.arns["door"] = made.VpcIngressConnection.VpcIngressConnectionArn
	c.awaitIngress(t, types.VpcIngressConnectionStatusAvailable)
	must[sdk.DeleteVpcIngressConnectionOutput](t)(c.DeleteVpcIngressConnection(t.Context(), &sdk.DeleteVpcIngressConnectionInput{VpcIngressConnectionArn: c.arns["door"]}))
	c.awaitIngress(t, types.VpcIngressConnectionStatusDeleted)
	return nil
}

func idOf[T any](_ *T, err error, id func() *string) (*string, error) {
	if err != nil {
		return nil, err
	}
	return id(), nil
}

func wantCell(t *testing.T, want string, id *string, err error) {
	t.Helper()
	switch want {
	case allowed:
		if err != nil {
			t.Error(err)
		}
	case nothing:
		if err != nil || id != nil {
			t.Errorf("got operation %v and error %v, want neither", aws.ToString(id), err)
		}
	default:
		if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
}
