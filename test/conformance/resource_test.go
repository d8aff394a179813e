package conformance

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/apprunner"
	"github.com/aws/aws-sdk-go-v2/service/apprunner/types"
)

// arn is that of a resource of the Region of the SDK for Go.
func arn(resource string) *string { return new("arn:aws:apprunner:us-east-1:000000000000:" + resource) }

// zeros is the id of nothing.
const zeros = "00000000000000000000000000000000"

var teamBlue = []types.Tag{{Key: new("team"), Value: new("blue")}}

// resourceSteps make what services are given, and then a private service, "inner", that has it.
var resourceSteps = []step{
	{"CreateConnection/waits for its handshake", func(t *testing.T, c *goClient) {
		made := must[sdk.CreateConnectionOutput](t)(c.CreateConnection(t.Context(), &sdk.CreateConnectionInput{
			ConnectionName: new("hub1"), ProviderType: types.ProviderTypeGithub, Tags: teamBlue,
		})).Connection
		c.arns["hub1"] = made.ConnectionArn
		if made.Status != types.ConnectionStatusPendingHandshake || made.ProviderType != types.ProviderTypeGithub || *made.ConnectionName != "hub1" || made.CreatedAt == nil {
			t.Errorf("made %+v", made)
		}
		if !strings.HasPrefix(*made.ConnectionArn, *arn("connection/hub1/")) {
			t.Errorf("the ARN is %s", *made.ConnectionArn)
		}
	}},
	{"CreateConnection/a name that is taken", func(t *testing.T, c *goClient) {
		refused[invalidRequest](t, "Connection with the provided name already exists: hub1.")(
			c.CreateConnection(t.Context(), &sdk.CreateConnectionInput{ConnectionName: new("hub1"), ProviderType: types.ProviderTypeBitbucket}))
	}},
	{"CreateConnection/one more than the quota", func(t *testing.T, c *goClient) {
		for _, name := range []string{"hub2", "hub3", "hub4"} {
			out, err := c.CreateConnection(t.Context(), &sdk.CreateConnectionInput{ConnectionName: &name, ProviderType: types.ProviderTypeBitbucket})
			if name == "hub4" {
				refused[quotaExceeded](t, "3 connections in Region us-east-1")(out, err)
			} else if err != nil {
				t.Fatal(err)
			} else {
				c.arns[name] = out.Connection.ConnectionArn
			}
		}
	}},
	{"ListConnections/one name, all at once, page by page", listConnections},
	{"DeleteConnection/answers DELETED, and the name is free", func(t *testing.T, c *goClient) {
		gone := must[sdk.DeleteConnectionOutput](t)(c.DeleteConnection(t.Context(), &sdk.DeleteConnectionInput{ConnectionArn: c.arns["hub2"]})).Connection
		if gone.Status != types.ConnectionStatusDeleted || *gone.ConnectionArn != *c.arns["hub2"] {
			t.Errorf("answered %+v", gone)
		}
		refused[notFound](t, *c.arns["hub2"])(c.DeleteConnection(t.Context(), &sdk.DeleteConnectionInput{ConnectionArn: c.arns["hub2"]}))
		must[sdk.CreateConnectionOutput](t)(c.CreateConnection(t.Context(), &sdk.CreateConnectionInput{ConnectionName: new("hub2"), ProviderType: types.ProviderTypeGithub}))
	}},
	{"DeleteConnection/only by its whole ARN", func(t *testing.T, c *goClient) {
		refused[invalidRequest](t, "")(c.DeleteConnection(t.Context(), &sdk.DeleteConnectionInput{ConnectionArn: arn("connection/hub1")}))
	}},

	{"CreateObservabilityConfiguration/revisions, with and without traces", func(t *testing.T, c *goClient) {
		one := c.observability(t, &sdk.CreateObservabilityConfigurationInput{ObservabilityConfigurationName: new("look"), Tags: teamBlue})
		two := c.observability(t, &sdk.CreateObservabilityConfigurationInput{
			ObservabilityConfigurationName: new("look"), TraceConfiguration: &types.TraceConfiguration{Vendor: types.TracingVendorAwsxray},
		})
		c.arns["look/1"], c.arns["look/2"] = one.ObservabilityConfigurationArn, two.ObservabilityConfigurationArn
		if one.ObservabilityConfigurationRevision != 1 || one.TraceConfiguration != nil || one.Status != types.ObservabilityConfigurationStatusActive {
			t.Errorf("the first revision is %+v", one)
		}
		if two.ObservabilityConfigurationRevision != 2 || !two.Latest || two.TraceConfiguration.Vendor != types.TracingVendorAwsxray || two.CreatedAt == nil || two.DeletedAt != nil {
			t.Errorf("the second revision is %+v", two)
		}
	}},
	{"CreateObservabilityConfiguration/the name that is reserved", func(t *testing.T, c *goClient) {
		refused[invalidRequest](t, "DefaultConfiguration is reserved")(c.CreateObservabilityConfiguration(t.Context(),
			&sdk.CreateObservabilityConfigurationInput{ObservabilityConfigurationName: new("DefaultConfiguration")}))
	}},
	{"CreateObservabilityConfiguration/more revisions than the quota, and more names", func(t *testing.T, c *goClient) {
		deep := &sdk.CreateObservabilityConfigurationInput{ObservabilityConfigurationName: new("deep")}
		for range 10 {
			c.arns["deep"] = c.observability(t, deep).ObservabilityConfigurationArn
		}
		refused[quotaExceeded](t, "10 active revisions")(c.CreateObservabilityConfiguration(t.Context(), deep))
		refused[quotaExceeded](t, "2 observability configuration names")(c.CreateObservabilityConfiguration(t.Context(),
			&sdk.CreateObservabilityConfigurationInput{ObservabilityConfigurationName: new("third")}))
	}},
	{"DescribeObservabilityConfiguration/by all three forms of ARN", func(t *testing.T, c *goClient) {
		name := *c.byName("look/1")
		for arn, want := range map[string]string{name: "look/2", name + "/1": "look/1", name + "/2": "look/2", *c.arns["look/1"]: "look/1"} {
			out := must[sdk.DescribeObservabilityConfigurationOutput](t)(c.DescribeObservabilityConfiguration(t.Context(), &sdk.DescribeObservabilityConfigurationInput{ObservabilityConfigurationArn: &arn}))
			found := out.ObservabilityConfiguration
			if got := *found.ObservabilityConfigurationArn; got != *c.arns[want] || found.Latest != (want == "look/2") {
				t.Errorf("%s describes %+v", arn, found)
			}
		}
	}},
	{"DescribeObservabilityConfiguration/no such configuration", func(t *testing.T, c *goClient) {
		for _, missing := range []string{"nothing", "look/3", "look/1/" + zeros} {
			refused[notFound](t, missing)(c.DescribeObservabilityConfiguration(t.Context(),
				&sdk.DescribeObservabilityConfigurationInput{ObservabilityConfigurationArn: arn("observabilityconfiguration/" + missing)}))
		}
	}},
	{"ListObservabilityConfigurations/the latest of each name, one name, page by page", listObservabilities},

	{"CreateVpcConnector/is ACTIVE at once", func(t *testing.T, c *goClient) {
		made := must[sdk.CreateVpcConnectorOutput](t)(c.CreateVpcConnector(t.Context(), &sdk.CreateVpcConnectorInput{
			VpcConnectorName: new("data"), Subnets: []string{"subnet-1", "subnet-2"}, SecurityGroups: []string{"sg-1"}, Tags: teamBlue,
		})).VpcConnector
		c.arns["data"] = made.VpcConnectorArn
		if made.Status != types.VpcConnectorStatusActive || made.VpcConnectorRevision != 1 || made.CreatedAt == nil || made.DeletedAt != nil ||
			!slices.Equal(made.Subnets, []string{"subnet-1", "subnet-2"}) || !slices.Equal(made.SecurityGroups, []string{"sg-1"}) {
			t.Errorf("made %+v", made)
		}
		if !strings.HasPrefix(*made.VpcConnectorArn, *arn("vpcconnector/data/1/")) {
			t.Errorf("the ARN is %s", *made.VpcConnectorArn)
		}
	}},
	{"CreateVpcConnector/a name that is taken", func(t *testing.T, c *goClient) {
		refused[invalidRequest](t, "VPC connector with the provided name already exists: data.")(
			c.CreateVpcConnector(t.Context(), &sdk.CreateVpcConnectorInput{VpcConnectorName: new("data"), Subnets: []string{"subnet-1"}}))
	}},
	{"CreateVpcConnector/no subnet, and the same one twice", func(t *testing.T, c *goClient) {
		for text, subnets := range map[string][]string{"at least one subnet": {}, `"subnet-1" twice`: {"subnet-1", "subnet-1"}} {
			refused[invalidRequest](t, text)(c.CreateVpcConnector(t.Context(), &sdk.CreateVpcConnectorInput{VpcConnectorName: new("wrong"), Subnets: subnets}))
		}
	}},
	{"CreateVpcConnector/one more than the quota", func(t *testing.T, c *goClient) {
		c.arns["idle"] = must[sdk.CreateVpcConnectorOutput](t)(c.CreateVpcConnector(t.Context(),
			&sdk.CreateVpcConnectorInput{VpcConnectorName: new("idle"), Subnets: []string{"subnet-1"}})).VpcConnector.VpcConnectorArn
		refused[quotaExceeded](t, "2 VPC connectors in Region us-east-1")(
			c.CreateVpcConnector(t.Context(), &sdk.CreateVpcConnectorInput{VpcConnectorName: new("third"), Subnets: []string{"subnet-1"}}))
	}},
	{"DescribeVpcConnector/only by its whole ARN", func(t *testing.T, c *goClient) {
		out := must[sdk.DescribeVpcConnectorOutput](t)(c.DescribeVpcConnector(t.Context(), &sdk.DescribeVpcConnectorInput{VpcConnectorArn: c.arns["data"]}))
		if got := out.VpcConnector; *got.VpcConnectorName != "data" || got.Status != types.VpcConnectorStatusActive {
			t.Errorf("described %+v", got)
		}
		for _, part := range []string{"data", "data/1"} {
			refused[invalidRequest](t, "complete ARN")(c.DescribeVpcConnector(t.Context(), &sdk.DescribeVpcConnectorInput{VpcConnectorArn: arn("vpcconnector/" + part)}))
		}
		refused[notFound](t, zeros)(c.DescribeVpcConnector(t.Context(), &sdk.DescribeVpcConnectorInput{VpcConnectorArn: arn("vpcconnector/data/1/" + zeros)}))
	}},
	{"ListVpcConnectors/all at once, and page by page", func(t *testing.T, c *goClient) {
		all := must[sdk.ListVpcConnectorsOutput](t)(c.ListVpcConnectors(t.Context(), &sdk.ListVpcConnectorsInput{}))
		if len(all.VpcConnectors) != 2 || all.NextToken != nil {
			t.Errorf("there are %d connectors and the token %v", len(all.VpcConnectors), all.NextToken)
		}
		p := sdk.NewListVpcConnectorsPaginator(c, &sdk.ListVpcConnectorsInput{MaxResults: new(int32(1))})
		if got := pages(t, p.HasMorePages, p.NextPage); len(got) != 2 || *got[0].VpcConnectors[0].VpcConnectorArn == *got[1].VpcConnectors[0].VpcConnectorArn {
			t.Errorf("the pages are %+v", got)
		}
	}},
	{"DeleteVpcConnector/INACTIVE, described and not listed", func(t *testing.T, c *goClient) {
		gone := must[sdk.DeleteVpcConnectorOutput](t)(c.DeleteVpcConnector(t.Context(), &sdk.DeleteVpcConnectorInput{VpcConnectorArn: c.arns["idle"]})).VpcConnector
		found := must[sdk.DescribeVpcConnectorOutput](t)(c.DescribeVpcConnector(t.Context(), &sdk.DescribeVpcConnectorInput{VpcConnectorArn: c.arns["idle"]})).VpcConnector
		for _, got := range []*types.VpcConnector{gone, found} {
			if got.Status != types.VpcConnectorStatusInactive || got.DeletedAt == nil {
				t.Errorf("it is %+v", got)
			}
		}
		all := must[sdk.ListVpcConnectorsOutput](t)(c.ListVpcConnectors(t.Context(), &sdk.ListVpcConnectorsInput{}))
		if len(all.VpcConnectors) != 1 || *all.VpcConnectors[0].VpcConnectorArn != *c.arns["data"] {
			t.Errorf("listed %+v", all.VpcConnectors)
		}
	}},

	{"DescribeService/private, with a VPC connector and traces", createInner},
	{"DeleteVpcConnector/one that is in use", func(t *testing.T, c *goClient) {
		refused[invalidRequest](t, "is in use by a service")(c.DeleteVpcConnector(t.Context(), &sdk.DeleteVpcConnectorInput{VpcConnectorArn: c.arns["data"]}))
	}},
	{"DeleteObservabilityConfiguration/one that is in use", func(t *testing.T, c *goClient) {
		refused[invalidRequest](t, "is in use by a service")(c.DeleteObservabilityConfiguration(t.Context(), &sdk.DeleteObservabilityConfigurationInput{ObservabilityConfigurationArn: c.arns["look/2"]}))
	}},
	{"DeleteObservabilityConfiguration/INACTIVE, described and no longer the latest", func(t *testing.T, c *goClient) {
		gone := must[sdk.DeleteObservabilityConfigurationOutput](t)(c.DeleteObservabilityConfiguration(t.Context(),
			&sdk.DeleteObservabilityConfigurationInput{ObservabilityConfigurationArn: c.byName("deep")})).ObservabilityConfiguration
		if gone.Status != types.ObservabilityConfigurationStatusInactive || gone.DeletedAt == nil || gone.ObservabilityConfigurationRevision != 10 {
			t.Errorf("answered %+v", gone)
		}
		for arn, revision := range map[*string]int32{c.byName("deep"): 9, c.arns["deep"]: 10} {
			found := must[sdk.DescribeObservabilityConfigurationOutput](t)(c.DescribeObservabilityConfiguration(t.Context(),
				&sdk.DescribeObservabilityConfigurationInput{ObservabilityConfigurationArn: arn})).ObservabilityConfiguration
			if found.ObservabilityConfigurationRevision != revision || found.Latest != (revision == 9) {
				t.Errorf("%s describes %+v", *arn, found)
			}
		}
	}},
}

func (c *goClient) observability(t *testing.T, in *sdk.CreateObservabilityConfigurationInput) *types.ObservabilityConfiguration {
	t.Helper()
	return must[sdk.CreateObservabilityConfigurationOutput](t)(c.CreateObservabilityConfiguration(t.Context(), in)).ObservabilityConfiguration
}

func listConnections(t *testing.T, c *goClient) {
	for _, l := range []struct {
		in   sdk.ListConnectionsInput
		want [][]string
	}{
		{sdk.ListConnectionsInput{}, [][]string{{"hub1", "hub2", "hub3"}}},
		{sdk.ListConnectionsInput{MaxResults: new(int32(2))}, [][]string{{"hub1", "hub2"}, {"hub3"}}},
		{sdk.ListConnectionsInput{ConnectionName: new("hub2")}, [][]string{{"hub2"}}},
		{sdk.ListConnectionsInput{ConnectionName: new("nothing")}, [][]string{nil}},
	} {
		p := sdk.NewListConnectionsPaginator(c, &l.in)
		var got [][]string
		for _, page := range pages(t, p.HasMorePages, p.NextPage) {
			var names []string
			for _, s := range page.ConnectionSummaryList {
				names = append(names, *s.ConnectionName)
				if s.Status != types.ConnectionStatusPendingHandshake || *s.ConnectionArn != *c.arns[*s.ConnectionName] {
					t.Errorf("listed %+v", s)
				}
			}
			got = append(got, names)
		}
		if fmt.Sprint(got) != fmt.Sprint(l.want) {
			t.Errorf("the pages have %q, want %q", got, l.want)
		}
	}
}

func listObservabilities(t *testing.T, c *goClient) {
	for _, l := range []struct {
		reason string
		in     sdk.ListObservabilityConfigurationsInput
		want   []string
	}{
		{"only the latest of each name, unless asked", sdk.ListObservabilityConfigurationsInput{}, []string{"DefaultConfiguration/1", "deep/10", "look/2"}},
		{"only the latest of each name", sdk.ListObservabilityConfigurationsInput{LatestOnly: true}, []string{"DefaultConfiguration/1", "deep/10", "look/2"}},
		{"one name", sdk.ListObservabilityConfigurationsInput{ObservabilityConfigurationName: new("look")}, []string{"look/2"}},
		{"no such name", sdk.ListObservabilityConfigurationsInput{ObservabilityConfigurationName: new("nothing")}, nil},
	} {
		l.in.MaxResults = new(int32(1))
		p := sdk.NewListObservabilityConfigurationsPaginator(c, &l.in)
		var got []string
		for _, page := range pages(t, p.HasMorePages, p.NextPage) {
			if n := len(page.ObservabilityConfigurationSummaryList); n > 1 {
				t.Errorf("%s: a page has %d", l.reason, n)
			}
			for _, s := range page.ObservabilityConfigurationSummaryList {
				got = append(got, fmt.Sprintf("%s/%d", *s.ObservabilityConfigurationName, s.ObservabilityConfigurationRevision))
			}
		}
		if slices.Sort(got); !slices.Equal(got, l.want) {
			t.Errorf("%s: got %q, want %q", l.reason, got, l.want)
		}
	}
}
