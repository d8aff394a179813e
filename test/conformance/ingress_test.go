package conformance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/apprunner"
	"github.com/aws/aws-sdk-go-v2/service/apprunner/types"

	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
)

// createInner makes a private service, which takes no VPC ingress connection before it runs. The SDK
// leaves out what is false, so this one request is made without it.
func createInner(t *testing.T, c *goClient) {
	own := c.s.With(t)
	in := own.Input("inner", "mimic:v1", "START_DELAY=1s")
	in.NetworkConfiguration = &apprunnerapi.NetworkConfiguration{
		EgressConfiguration:  &apprunnerapi.EgressConfiguration{EgressType: new(apprunnerapi.EgressTypeVpc), VpcConnectorArn: c.arns["data"]},
		IngressConfiguration: &apprunnerapi.IngressConfiguration{IsPubliclyAccessible: new(false)},
	}
	in.ObservabilityConfiguration = &apprunnerapi.ServiceObservabilityConfiguration{ObservabilityEnabled: new(true), ObservabilityConfigurationArn: c.byName("look/1")}
	made, _ := own.Create(in)
	c.arns["inner"] = made.ServiceArn
	refused[invalidState](t, "operation in progress")(c.CreateVpcIngressConnection(t.Context(), c.ingress("early")))
	s := c.await(t, made.ServiceArn, types.ServiceStatusRunning)
	if s.ServiceUrl == nil || *s.ServiceUrl != "" {
		t.Errorf("ServiceUrl is %v, want it there and empty", s.ServiceUrl)
	}
	if n := s.NetworkConfiguration; n.IngressConfiguration.IsPubliclyAccessible || n.EgressConfiguration.EgressType != types.EgressTypeVpc || *n.EgressConfiguration.VpcConnectorArn != *c.arns["data"] {
		t.Errorf("NetworkConfiguration is %+v", n)
	}
	if o := s.ObservabilityConfiguration; !o.ObservabilityEnabled || *o.ObservabilityConfigurationArn != *c.arns["look/2"] {
		t.Errorf("ObservabilityConfiguration is %+v", o)
	}
}

// ingressSteps let callers of a VPC reach the service "inner", and delete it in the end.
var ingressSteps = []step{
	{"CreateVpcIngressConnection/PENDING_CREATION, then AVAILABLE", func(t *testing.T, c *goClient) {
		in := c.ingress("door")
		in.Tags = teamBlue
		made := must[sdk.CreateVpcIngressConnectionOutput](t)(c.CreateVpcIngressConnection(t.Context(), in)).VpcIngressConnection
		c.arns["door"] = made.VpcIngressConnectionArn
		if made.Status != types.VpcIngressConnectionStatusPendingCreation || *made.ServiceArn != *c.arns["inner"] || *made.AccountId != "000000000000" ||
			!strings.Contains(*made.DomainName, ".us-east-1.") || *made.IngressVpcConfiguration.VpcEndpointId != "vpce-1" {
			t.Errorf("made %+v", made)
		}
		if found := c.awaitIngress(t, types.VpcIngressConnectionStatusAvailable); *found.DomainName != *made.DomainName {
			t.Errorf("the domain is %s, and was %s", *found.DomainName, *made.DomainName)
		}
	}},
	{"CreateVpcIngressConnection/a name that is taken, and a second of a service", func(t *testing.T, c *goClient) {
		refused[invalidRequest](t, "VPC ingress connection with the provided name already exists: door.")(c.CreateVpcIngressConnection(t.Context(), c.ingress("door")))
		refused[quotaExceeded](t, "more than 1 is not allowed")(c.CreateVpcIngressConnection(t.Context(), c.ingress("back-door")))
	}},
	{"CreateVpcIngressConnection/no such service", func(t *testing.T, c *goClient) {
		in := c.ingress("other")
		in.ServiceArn = new(missingService)
		refused[invalidRequest](t, missingService)(c.CreateVpcIngressConnection(t.Context(), in))
	}},
	{"DescribeVpcIngressConnection/no such connection", func(t *testing.T, c *goClient) {
		refused[notFound](t, zeros)(c.DescribeVpcIngressConnection(t.Context(), &sdk.DescribeVpcIngressConnectionInput{VpcIngressConnectionArn: arn("vpcingressconnection/door/" + zeros)}))
	}},
	{"UpdateVpcIngressConnection/PENDING_UPDATE, then AVAILABLE", func(t *testing.T, c *goClient) {
		changed := must[sdk.UpdateVpcIngressConnectionOutput](t)(c.UpdateVpcIngressConnection(t.Context(), &sdk.UpdateVpcIngressConnectionInput{
			VpcIngressConnectionArn: c.arns["door"], IngressVpcConfiguration: &types.IngressVpcConfiguration{VpcId: new("vpc-1"), VpcEndpointId: new("vpce-2")},
		})).VpcIngressConnection
		if changed.Status != types.VpcIngressConnectionStatusPendingUpdate {
			t.Errorf("answered %+v", changed)
		}
		if found := c.awaitIngress(t, types.VpcIngressConnectionStatusAvailable); *found.IngressVpcConfiguration.VpcEndpointId != "vpce-2" {
			t.Errorf("then it is %+v", found)
		}
	}},
	{"ListVpcIngressConnections/by service and by endpoint", func(t *testing.T, c *goClient) {
		for _, l := range []struct {
			filter *types.ListVpcIngressConnectionsFilter
			want   int
		}{
			{nil, 1},
			{&types.ListVpcIngressConnectionsFilter{ServiceArn: c.arns["inner"]}, 1},
			{&types.ListVpcIngressConnectionsFilter{ServiceArn: c.arns["shop"]}, 0},
			{&types.ListVpcIngressConnectionsFilter{VpcEndpointId: new("vpce-2")}, 1},
			{&types.ListVpcIngressConnectionsFilter{ServiceArn: c.arns["inner"], VpcEndpointId: new("vpce-1")}, 0},
		} {
			p := sdk.NewListVpcIngressConnectionsPaginator(c, &sdk.ListVpcIngressConnectionsInput{Filter: l.filter, MaxResults: new(int32(1))})
			var got []types.VpcIngressConnectionSummary
			for _, page := range pages(t, p.HasMorePages, p.NextPage) {
				got = append(got, page.VpcIngressConnectionSummaryList...)
			}
			if len(got) != l.want || (len(got) == 1 && (*got[0].VpcIngressConnectionArn != *c.arns["door"] || *got[0].ServiceArn != *c.arns["inner"])) {
				t.Errorf("the filter %+v lets through %+v", l.filter, got)
			}
		}
	}},
	{"ListTagsForResource/of every kind of resource", func(t *testing.T, c *goClient) {
		for _, key := range []string{"hub1", "look/1", "data", "door"} {
			c.wantTags(t, c.arns[key], map[string]string{"team": "blue"})
			c.tag(t, c.arns[key], "team", "red", "stage", "live")
			must[sdk.UntagResourceOutput](t)(c.UntagResource(t.Context(), &sdk.UntagResourceInput{ResourceArn: c.arns[key], TagKeys: []string{"stage"}}))
			c.wantTags(t, c.arns[key], map[string]string{"team": "red"})
		}
	}},
	{"DescribeCustomDomains/what DNS records inside of a VPC name", func(t *testing.T, c *goClient) {
		door := c.awaitIngress(t, types.VpcIngressConnectionStatusAvailable)
		want := func(got []types.VpcDNSTarget) {
			t.Helper()
			if len(got) != 1 || *got[0].VpcIngressConnectionArn != *c.arns["door"] || *got[0].VpcId != "vpc-1" || *got[0].DomainName != *door.DomainName {
				t.Errorf("VpcDNSTargets are %+v", got)
			}
		}
		name := new("inner.go.example")
		want(must[sdk.AssociateCustomDomainOutput](t)(c.AssociateCustomDomain(t.Context(), &sdk.AssociateCustomDomainInput{ServiceArn: c.arns["inner"], DomainName: name})).VpcDNSTargets)
		want(must[sdk.DescribeCustomDomainsOutput](t)(c.DescribeCustomDomains(t.Context(), &sdk.DescribeCustomDomainsInput{ServiceArn: c.arns["inner"]})).VpcDNSTargets)
		want(must[sdk.DisassociateCustomDomainOutput](t)(c.DisassociateCustomDomain(t.Context(), &sdk.DisassociateCustomDomainInput{ServiceArn: c.arns["inner"], DomainName: name})).VpcDNSTargets)
	}},
	{"DeleteService/one with a VPC ingress connection", func(t *testing.T, c *goClient) {
		refused[invalidRequest](t, "VPC ingress connection")(c.DeleteService(t.Context(), &sdk.DeleteServiceInput{ServiceArn: c.arns["inner"]}))
	}},
	{"DeleteVpcIngressConnection/PENDING_DELETION, then DELETED and not listed", func(t *testing.T, c *goClient) {
		in := &sdk.DeleteVpcIngressConnectionInput{VpcIngressConnectionArn: c.arns["door"]}
		if gone := must[sdk.DeleteVpcIngressConnectionOutput](t)(c.DeleteVpcIngressConnection(t.Context(), in)).VpcIngressConnection; gone.Status != types.VpcIngressConnectionStatusPendingDeletion {
			t.Errorf("answered %+v", gone)
		}
		if found := c.awaitIngress(t, types.VpcIngressConnectionStatusDeleted); found.DeletedAt == nil {
			t.Errorf("then it is %+v", found)
		}
		if all := must[sdk.ListVpcIngressConnectionsOutput](t)(c.ListVpcIngressConnections(t.Context(), &sdk.ListVpcIngressConnectionsInput{})); len(all.VpcIngressConnectionSummaryList) != 0 {
			t.Errorf("listed %+v", all.VpcIngressConnectionSummaryList)
		}
		refused[notFound](t, "is deleted")(c.DeleteVpcIngressConnection(t.Context(), in))
	}},
	{"DeleteService/frees what it used", func(t *testing.T, c *goClient) {
		must[sdk.DeleteServiceOutput](t)(c.DeleteService(t.Context(), &sdk.DeleteServiceInput{ServiceArn: c.arns["inner"]}))
		c.await(t, c.arns["inner"], types.ServiceStatusDeleted)
		must[sdk.DeleteVpcConnectorOutput](t)(c.DeleteVpcConnector(t.Context(), &sdk.DeleteVpcConnectorInput{VpcConnectorArn: c.arns["data"]}))
		must[sdk.DeleteObservabilityConfigurationOutput](t)(c.DeleteObservabilityConfiguration(t.Context(), &sdk.DeleteObservabilityConfigurationInput{ObservabilityConfigurationArn: c.arns["look/2"]}))
	}},
}

// ingress is a VPC ingress connection of the service "inner".
func (c *goClient) ingress(name string) *sdk.CreateVpcIngressConnectionInput {
	return &sdk.CreateVpcIngressConnectionInput{
		VpcIngressConnectionName: &name, ServiceArn: c.arns["inner"],
		IngressVpcConfiguration: &types.IngressVpcConfiguration{VpcId: new("vpc-1"), VpcEndpointId: new("vpce-1")},
	}
}

// awaitIngress waits until the VPC ingress connection "door" has a status.
func (c *goClient) awaitIngress(t *testing.T, want types.VpcIngressConnectionStatus) *types.VpcIngressConnection {
	t.Helper()
	var found *types.VpcIngressConnection
	c.s.With(t).Eventually("the VPC ingress connection is "+string(want), 20*time.Second, func() error {
		out, err := c.DescribeVpcIngressConnection(t.Context(), &sdk.DescribeVpcIngressConnectionInput{VpcIngressConnectionArn: c.arns["door"]})
		if err != nil {
			return err
		}
		if found = out.VpcIngressConnection; found.Status != want {
			return fmt.Errorf("it is %s", found.Status)
		}
		return nil
	})
	return found
}
