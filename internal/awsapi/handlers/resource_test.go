package handlers_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/control"
)

var home = apprunner.Place{Account: account, Region: region}

func at(o object, path ...string) any {
	var v any = o
	for _, name := range path {
		m, ok := v.(object)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

func wantAt(t *testing.T, o object, want any, path ...string) {
	t.Helper()
	if got := at(o, path...); got != want {
		t.Errorf("%s is %v, want %v", strings.Join(path, "."), got, want)
	}
}

func TestConnections(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	for n, provider := range []string{"GITHUB", "BITBUCKET", "GITLAB", "GITEA", "GIT"} {
		made := a.ok(t, "CreateConnection", `{"ConnectionName":"conn-%d","ProviderType":%q,"Tags":[{"Key":"n","Value":"1"}]}`, n, provider)
		wantAt(t, made, "PENDING_HANDSHAKE", "Connection", "Status")
		wantAt(t, made, provider, "Connection", "ProviderType")
	}
	a.refused(t, "InvalidRequestException", "providerType", "CreateConnection", `{"ConnectionName":"other","ProviderType":"SVN"}`)
	a.refused(t, "InvalidRequestException", "already exists", "CreateConnection", `{"ConnectionName":"conn-0","ProviderType":"GITHUB"}`)
	for n := 5; n < 10; n++ {
		a.ok(t, "CreateConnection", `{"ConnectionName":"conn-%d","ProviderType":"GITHUB"}`, n)
	}
	a.refused(t, "ServiceQuotaExceededException", "10 connections", "CreateConnection", `{"ConnectionName":"one-more","ProviderType":"GITHUB"}`)
	if items, pages := a.walk(t, "ListConnections", "ConnectionSummaryList", "", 4); len(items) != 10 || pages != 3 {
		t.Errorf("%d connections on %d pages", len(items), pages)
	}
	one := a.ok(t, "ListConnections", `{"ConnectionName":"conn-3"}`)["ConnectionSummaryList"].([]any)
	if len(one) != 1 {
		t.Fatalf("connections of one name: %v", one)
	}
	arn := one[0].(object)["ConnectionArn"].(string)
	if tags := a.ok(t, "ListTagsForResource", `{"ResourceArn":%q}`, arn)["Tags"].([]any); len(tags) != 1 {
		t.Errorf("tags %v", tags)
	}

	// Only a connection that has shaken hands can be used, and one in use stays.
	with := fmt.Sprintf(`{"ServiceName":"my-web","SourceConfiguration":{"AuthenticationConfiguration":{"ConnectionArn":%q},
		"ImageRepository":{"ImageIdentifier":"registry.example/web","ImageRepositoryType":"ECR"}}}`, arn)
	a.refused(t, "InvalidRequestException", "PENDING_HANDSHAKE", "CreateService", `%s`, with)
	c := a.control()
	if _, err := c.CompleteHandshake(t.Context(), home, arn, apprunner.Handshake{Credential: []byte("token")}); err != nil {
		t.Fatal(err)
	}
	service := a.ok(t, "CreateService", `%s`, with)
	wantAt(t, service, arn, "Service", "SourceConfiguration", "AuthenticationConfiguration", "ConnectionArn")
	a.refused(t, "InvalidRequestException", "in use", "DeleteConnection", `{"ConnectionArn":%q}`, arn)

	// The provider takes it back: the service hears of it.
	var told []string
	c.Tell = func(s apprunner.Service, message string) { told = append(told, s.Name+": "+message) }
	if _, err := c.CompleteHandshake(t.Context(), home, arn, apprunner.Handshake{Failure: "The app was removed."}); err != nil {
		t.Fatal(err)
	}
	if len(told) != 1 || told[0] != "my-web: Connection conn-3 is ERROR. Reason: The app was removed." {
		t.Errorf("told %q", told)
	}
	if _, err := c.CompleteHandshake(t.Context(), home, arn, apprunner.Handshake{}); err == nil {
		t.Error("a handshake that brought nothing was taken")
	}

	other := a.ok(t, "ListConnections", `{"ConnectionName":"conn-4"}`)["ConnectionSummaryList"].([]any)[0].(object)["ConnectionArn"].(string)
	gone := a.ok(t, "DeleteConnection", `{"ConnectionArn":%q}`, other)
	wantAt(t, gone, "DELETED", "Connection", "Status")
	a.refused(t, "ResourceNotFoundException", "", "DeleteConnection", `{"ConnectionArn":%q}`, other)
	a.refused(t, "ResourceNotFoundException", "", "ListTagsForResource", `{"ResourceArn":%q}`, other)
	a.ok(t, "CreateConnection", `{"ConnectionName":"conn-4","ProviderType":"GITHUB"}`) // name and place are free again
}

// control is a second control on the same store, for what has no operation of the API.
func (a *api) control() *control.Control {
	return &control.Control{Store: a.store, Runner: a, ServiceQuota: 30, Now: time.Now}
}

func TestObservabilityConfigurations(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	create := func(name string) object {
		return a.ok(t, "CreateObservabilityConfiguration", `{"ObservabilityConfigurationName":%q,"TraceConfiguration":{"Vendor":"AWSXRAY"}}`, name)
	}
	first, second := create("tracing"), create("tracing")
	const conf = "ObservabilityConfiguration"
	wantAt(t, first, 1.0, conf, "ObservabilityConfigurationRevision")
	wantAt(t, second, 2.0, conf, "ObservabilityConfigurationRevision")
	wantAt(t, second, "ACTIVE", conf, "Status")
	wantAt(t, second, "AWSXRAY", conf, "TraceConfiguration", "Vendor")
	arn := func(o object) string { return at(o, conf, conf+"Arn").(string) }
	name := strings.Split(arn(first), "/1/")[0]
	for asked, want := range map[string]string{name: arn(second), name + "/1": arn(first), name + "/2": arn(second), arn(first): arn(first)} {
		got := a.ok(t, "DescribeObservabilityConfiguration", `{"ObservabilityConfigurationArn":%q}`, asked)
		wantAt(t, got, want, conf, conf+"Arn")
		wantAt(t, got, want == arn(second), conf, "Latest")
	}
	a.refused(t, "InvalidRequestException", "reserved", "CreateObservabilityConfiguration", `{"ObservabilityConfigurationName":"DefaultConfiguration"}`)
	a.refused(t, "InvalidRequestException", "", "CreateObservabilityConfiguration", `{"ObservabilityConfigurationName":"other","TraceConfiguration":{"Vendor":"ZIPKIN"}}`)
	plain := a.ok(t, "CreateObservabilityConfiguration", `{"ObservabilityConfigurationName":"plain"}`)
	if at(plain, conf, "TraceConfiguration") != nil {
		t.Errorf("a configuration without tracing has %v", plain)
	}
	for _, c := range []struct {
		in   string
		want int
	}{{`{}`, 3}, {`{"LatestOnly":false}`, 4}, {`{"ObservabilityConfigurationName":"tracing"}`, 1}, {`{"ObservabilityConfigurationName":"tracing","LatestOnly":false}`, 2}} {
		if got := a.ok(t, "ListObservabilityConfigurations", "%s", c.in)[conf+"SummaryList"].([]any); len(got) != c.want {
			t.Errorf("%s lists %d, want %d", c.in, len(got), c.want)
		}
	}
	for range 8 {
		create("tracing")
	}
	a.refused(t, "ServiceQuotaExceededException", "10 active revisions", "CreateObservabilityConfiguration", `{"ObservabilityConfigurationName":"tracing"}`)
	for n := range 8 {
		create(fmt.Sprintf("conf-%d", n))
	}
	a.refused(t, "ServiceQuotaExceededException", "10 observability configuration names", "CreateObservabilityConfiguration", `{"ObservabilityConfigurationName":"more"}`)

	gone := a.ok(t, "DeleteObservabilityConfiguration", `{"ObservabilityConfigurationArn":%q}`, name)
	wantAt(t, gone, 10.0, conf, "ObservabilityConfigurationRevision")
	wantAt(t, gone, "INACTIVE", conf, "Status")
	a.refused(t, "InvalidRequestException", "cannot be deleted", "DeleteObservabilityConfiguration",
		`{"ObservabilityConfigurationArn":"arn:aws:apprunner:eu-west-1:123456789012:observabilityconfiguration/DefaultConfiguration"}`)
	a.refused(t, "ResourceNotFoundException", "", "DescribeObservabilityConfiguration",
		`{"ObservabilityConfigurationArn":"arn:aws:apprunner:eu-west-1:123456789012:observabilityconfiguration/nothing"}`)
}

func TestVPCConnectors(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	made := a.ok(t, "CreateVpcConnector", `{"VpcConnectorName":"inner","Subnets":["subnet-1","subnet-2"],"SecurityGroups":["sg-1"]}`)
	arn := at(made, "VpcConnector", "VpcConnectorArn").(string)
	wantAt(t, made, 1.0, "VpcConnector", "VpcConnectorRevision")
	wantAt(t, made, "ACTIVE", "VpcConnector", "Status")
	a.refused(t, "InvalidRequestException", "already exists", "CreateVpcConnector", `{"VpcConnectorName":"inner","Subnets":["subnet-1"]}`)
	a.refused(t, "InvalidRequestException", "at least one subnet", "CreateVpcConnector", `{"VpcConnectorName":"none","Subnets":[]}`)
	a.refused(t, "InvalidRequestException", "twice", "CreateVpcConnector", `{"VpcConnectorName":"twin","Subnets":["subnet-1","subnet-1"]}`)
	a.refused(t, "InvalidRequestException", "complete ARN", "DescribeVpcConnector", `{"VpcConnectorArn":%q}`, strings.TrimSuffix(arn, arn[strings.LastIndex(arn, "/"):]))
	for n := range 9 {
		a.ok(t, "CreateVpcConnector", `{"VpcConnectorName":"vpc-%d","Subnets":["subnet-1"]}`, n)
	}
	a.refused(t, "ServiceQuotaExceededException", "10 VPC connectors", "CreateVpcConnector", `{"VpcConnectorName":"more","Subnets":["subnet-1"]}`)
	if items, pages := a.walk(t, "ListVpcConnectors", "VpcConnectors", "", 4); len(items) != 10 || pages != 3 {
		t.Errorf("%d connectors on %d pages", len(items), pages)
	}
	gone := a.ok(t, "DeleteVpcConnector", `{"VpcConnectorArn":%q}`, arn)
	wantAt(t, gone, "INACTIVE", "VpcConnector", "Status")
	described := a.ok(t, "DescribeVpcConnector", `{"VpcConnectorArn":%q}`, arn)
	wantAt(t, described, "INACTIVE", "VpcConnector", "Status")
	again := a.ok(t, "CreateVpcConnector", `{"VpcConnectorName":"inner","Subnets":["subnet-1"]}`)
	wantAt(t, again, 1.0, "VpcConnector", "VpcConnectorRevision")

	// Deleted long ago: forgotten.
	if err := a.store.PurgeResources(t.Context(), a.now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	a.refused(t, "ResourceNotFoundException", "", "DescribeVpcConnector", `{"VpcConnectorArn":%q}`, arn)
}

func TestVPCIngressConnections(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	service := a.create(t, "my-web")["ServiceArn"].(string)
	in := fmt.Sprintf(`{"VpcIngressConnectionName":"inner","ServiceArn":%q,"IngressVpcConfiguration":{"VpcId":"vpc-1","VpcEndpointId":"vpce-1"}}`, service)
	a.refused(t, "InvalidStateException", "operation in progress", "CreateVpcIngressConnection", `%s`, in)
	a.become(t, service, apprunner.ServiceRunning)
	made := a.ok(t, "CreateVpcIngressConnection", `%s`, in)
	const conn = "VpcIngressConnection"
	wantAt(t, made, "PENDING_CREATION", conn, "Status")
	wantAt(t, made, account, conn, "AccountId")
	arn, domain := at(made, conn, conn+"Arn").(string), at(made, conn, "DomainName").(string)
	if label, rest, _ := strings.Cut(domain, "."); len(label) != 10 || rest != "eu-west-1.localhost" {
		t.Errorf("DomainName %q", domain)
	}
	a.refused(t, "InvalidStateException", "PENDING_CREATION", "DeleteVpcIngressConnection", `{"VpcIngressConnectionArn":%q}`, arn)
	a.refused(t, "InvalidRequestException", "already exists", "CreateVpcIngressConnection", `%s`, in)
	a.refused(t, "ServiceQuotaExceededException", "Delete it first", "CreateVpcIngressConnection", `%s`, strings.Replace(in, "inner", "second", 1))
	a.refused(t, "InvalidRequestException", "There is no service", "CreateVpcIngressConnection", `%s`, strings.ReplaceAll(in, "my-web", "no-web"))
	a.refused(t, "InvalidRequestException", "VPC ingress connection", "DeleteService", `{"ServiceArn":%q}`, service)

	var open []string
	keeper := control.NewIngresses(a.store, func(all []apprunner.VPCIngressConnection) {
		open = nil
		for _, c := range all {
			open = append(open, c.Domain("localhost"))
		}
	}, func(r string) apprunner.Place { return apprunner.Place{Account: account, Region: r} }, time.Now, slog.New(slog.DiscardHandler))
	settle := func(want string, opened int) {
		t.Helper()
		if err := keeper.Settle(context.Background()); err != nil {
			t.Fatal(err)
		}
		wantAt(t, a.ok(t, "DescribeVpcIngressConnection", `{"VpcIngressConnectionArn":%q}`, arn), want, conn, "Status")
		if len(open) != opened || (opened == 1 && open[0] != domain) {
			t.Errorf("open is %q", open)
		}
	}
	settle("AVAILABLE", 1)
	changed := a.ok(t, "UpdateVpcIngressConnection", `{"VpcIngressConnectionArn":%q,"IngressVpcConfiguration":{"VpcId":"vpc-1","VpcEndpointId":"vpce-2"}}`, arn)
	wantAt(t, changed, "PENDING_UPDATE", conn, "Status")
	wantAt(t, changed, "vpce-2", conn, "IngressVpcConfiguration", "VpcEndpointId")
	settle("AVAILABLE", 1)
	for filter, want := range map[string]int{
		`{}`: 1, fmt.Sprintf(`{"Filter":{"ServiceArn":%q}}`, service): 1, `{"Filter":{"VpcEndpointId":"vpce-2"}}`: 1, `{"Filter":{"VpcEndpointId":"vpce-1"}}`: 0,
	} {
		if got := a.ok(t, "ListVpcIngressConnections", "%s", filter)[conn+"SummaryList"].([]any); len(got) != want {
			t.Errorf("%s lists %d, want %d", filter, len(got), want)
		}
	}
	wantAt(t, a.ok(t, "DeleteVpcIngressConnection", `{"VpcIngressConnectionArn":%q}`, arn), "PENDING_DELETION", conn, "Status")
	settle("DELETED", 0)
	a.refused(t, "ResourceNotFoundException", "deleted", "DeleteVpcIngressConnection", `{"VpcIngressConnectionArn":%q}`, arn)
	a.ok(t, "DeleteService", `{"ServiceArn":%q}`, service)
}
