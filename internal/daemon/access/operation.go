package access

import (
	"context"
	"strconv"
	"strings"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	"github.com/slipway-run/slipway/internal/iam"
)

// subject says what an operation concerns, as the Service Authorization Reference of AWS has it.
type subject struct {
	member string // of the input, has the ARN
	kind   string // of the resource that the operation makes
	name   string // member that has the name of what is made
}

var (
	nothing = subject{} // the resource is "*"
	service = subject{member: "ServiceArn"}
	scaling = subject{member: "AutoScalingConfigurationArn"}
	anyARN  = subject{member: "ResourceArn"}
)

// subjects has every operation of the App Runner API.
var subjects = map[string]subject{
	"AssociateCustomDomain":                   service,
	"CreateAutoScalingConfiguration":          {kind: "autoscalingconfiguration", name: "AutoScalingConfigurationName"},
	"CreateConnection":                        {kind: "connection", name: "ConnectionName"},
	"CreateObservabilityConfiguration":        {kind: "observabilityconfiguration", name: "ObservabilityConfigurationName"},
	"CreateService":                           {kind: "service", name: "ServiceName"},
	"CreateVpcConnector":                      {kind: "vpcconnector", name: "VpcConnectorName"},
	"CreateVpcIngressConnection":              {kind: "vpcingressconnection", name: "VpcIngressConnectionName"},
	"DeleteAutoScalingConfiguration":          scaling,
	"DeleteConnection":                        {member: "ConnectionArn"},
	"DeleteObservabilityConfiguration":        {member: "ObservabilityConfigurationArn"},
	"DeleteService":                           service,
	"DeleteVpcConnector":                      {member: "VpcConnectorArn"},
	"DeleteVpcIngressConnection":              {member: "VpcIngressConnectionArn"},
	"DescribeAutoScalingConfiguration":        scaling,
	"DescribeCustomDomains":                   service,
	"DescribeObservabilityConfiguration":      {member: "ObservabilityConfigurationArn"},
	"DescribeService":                         service,
	"DescribeVpcConnector":                    {member: "VpcConnectorArn"},
	"DescribeVpcIngressConnection":            {member: "VpcIngressConnectionArn"},
	"DisassociateCustomDomain":                service,
	"ListAutoScalingConfigurations":           nothing,
	"ListConnections":                         nothing,
	"ListObservabilityConfigurations":         nothing,
	"ListOperations":                          service,
	"ListServices":                            nothing,
	"ListServicesForAutoScalingConfiguration": scaling,
	"ListTagsForResource":                     anyARN,
	"ListVpcConnectors":                       nothing,
	"ListVpcIngressConnections":               nothing,
	"PauseService":                            service,
	"ResumeService":                           service,
	"StartDeployment":                         service,
	"TagResource":                             anyARN,
	"UntagResource":                           anyARN,
	"UpdateDefaultAutoScalingConfiguration":   scaling,
	"UpdateService":                           service,
	"UpdateVpcIngressConnection":              {member: "VpcIngressConnectionArn"},
}

// conditionMembers are the condition keys that get their value from a member of the input.
var conditionMembers = map[string][]string{
	"apprunner:ServiceArn":                    {"ServiceArn"},
	"apprunner:ConnectionArn":                 {"SourceConfiguration", "AuthenticationConfiguration", "ConnectionArn"},
	"apprunner:AutoScalingConfigurationArn":   {"AutoScalingConfigurationArn"},
	"apprunner:ObservabilityConfigurationArn": {"ObservabilityConfiguration", "ObservabilityConfigurationArn"},
	"apprunner:VpcConnectorArn":               {"NetworkConfiguration", "EgressConfiguration", "VpcConnectorArn"},
	"apprunner:VpcIngressConnectionArn":       {"VpcIngressConnectionArn"},
	"apprunner:VpcId":                         {"IngressVpcConfiguration", "VpcId"},
	"apprunner:VpcEndpointId":                 {"IngressVpcConfiguration", "VpcEndpointId"},
}

// Authorize implements awsapi.Authorizer.
func (g *Guard) Authorize(ctx context.Context, call awsapi.Call, in awsapi.Message) error {
	t := trailOf(ctx)
	t.entry.Action = call.Action()
	resources, err := g.resources(ctx, call, in)
	if err != nil {
		return err
	}
	t.entry.Resources = resources
	u, ok := g.Find(call.Identity.AccessKeyID)
	switch {
	case !ok:
		return errNoKey
	case call.Service == "sts": // whoever has a key may ask whose it is
		return nil
	case u.Root():
		return nil
	}
	conditions, err := g.conditions(ctx, call, in)
	if err != nil {
		return err
	}
	return g.check(ctx, u, call.Identity.Region, call.Action(), resources, conditions)
}

// resources are the ARNs that a call concerns.
func (g *Guard) resources(ctx context.Context, call awsapi.Call, in awsapi.Message) ([]string, error) {
	here := apprunner.Place{Account: g.Home.Account, Region: call.Identity.Region}
	switch call.Service {
	case "apprunner":
	case "secretsmanager":
		return g.secretResources(ctx, here, call, in)
	case "ssm":
		return parameterResources(here, in), nil
	case "logs":
		return logResources(here, in), nil
	default:
		return neighbour(here, call.Service, in), nil
	}
	s := subjects[call.Operation]
	switch arn := textOf(in, s.member); {
	case s.kind != "":
		// The rest of the ARN is not known yet, and stands for itself: a star in the policy matches it.
		return []string{complete("arn:aws:apprunner:" + here.Region + ":" + here.Account + ":" + s.kind + "/" + textOf(in, s.name))}, nil
	case s.member == "" || arn == "":
		return []string{"*"}, nil
	default:
		return g.expand(ctx, here, arn, flag(in, "DeleteAllRevisions"))
	}
}

// expand returns the complete ARNs of what a partial one stands for, so that policies need not know
// the partial forms.
func (g *Guard) expand(ctx context.Context, here apprunner.Place, arn string, all bool) ([]string, error) {
	parsed, err := apprunner.ParseARN(arn)
	if err != nil || parsed.ID != "" {
		return []string{arn}, nil // the operation tells what is wrong with a malformed one
	}
	found, err := g.Expand(ctx, here, arn, all)
	if len(found) == 0 && err == nil {
		found = []string{complete(arn)}
	}
	return found, err
}

// complete adds a star for every part of a resource's name that is not known.
func complete(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	kind, _, _ := strings.Cut(parts[5], "/")
	want := 2
	if kind == "autoscalingconfiguration" || kind == "observabilityconfiguration" || kind == "vpcconnector" {
		want = 3
	}
	for n := strings.Count(parts[5], "/"); n < want; n++ {
		arn += "/*"
	}
	return arn
}

// neighbour returns what a call of another service concerns: repositories of ECR, or nothing.
func neighbour(here apprunner.Place, service string, in awsapi.Message) []string {
	names := listOf(in, "RepositoryNames")
	if name := textOf(in, "RepositoryName"); name != "" {
		names = append(names, name)
	}
	var all []string
	for _, name := range names {
		all = append(all, repositoryARN(here, service, name))
	}
	if arn := textOf(in, "ResourceArn"); arn != "" {
		all = append(all, arn)
	}
	if all == nil {
		return []string{"*"}
	}
	return all
}

func repositoryARN(here apprunner.Place, service, name string) string {
	return "arn:aws:" + service + ":" + here.Region + ":" + here.Account + ":repository/" + name
}

// conditions is what the input tells conditions.
func (g *Guard) conditions(ctx context.Context, call awsapi.Call, in awsapi.Message) (iam.Context, error) {
	here := apprunner.Place{Account: g.Home.Account, Region: call.Identity.Region}
	c := iam.Context{}
	for key, path := range conditionMembers {
		value := textOf(in, path...)
		if value == "" {
			continue
		}
		values, err := g.expand(ctx, here, value, false)
		if err != nil {
			return nil, err
		}
		c.Set(key, values...)
	}
	if call.Service == "secretsmanager" {
		for key, name := range secretConditions {
			if value := textOf(in, name); value != "" {
				c.Set(key, value)
			}
		}
	}
	if call.Service == "ssm" {
		for _, name := range []string{"Overwrite", "Recursive"} {
			c.Set("ssm:"+name, strconv.FormatBool(flag(in, name)))
		}
	}
	for _, t := range tagsOf(in) {
		c.Set("aws:RequestTag/"+t.key, t.value)
		c.Set("aws:TagKeys", t.key)
	}
	c.Set("aws:TagKeys", listOf(in, "TagKeys")...)
	return c, nil
}
