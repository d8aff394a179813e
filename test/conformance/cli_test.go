package conformance

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-run/slipway/test/kit"
)

// command is what the AWS CLI is expected to say. The rows build on each other.
type command struct {
	name string // "Operation/what it does"
	args string // words; SHOP and the like stand for what an earlier row was answered
	want string // what it prints, with --output text; * stands for anything, and is remembered as keep
	keep string
	wait bool   // ask again until it prints that
	fail string // instead of want: part of the error
}

// commands leave it to lifecycle_test.go what the operations do, and look at how scripts call them.
var commands = []command{
	{name: "CreateService/the ARN has a type, a name and an id", keep: "SHOP", want: "arn:aws:apprunner:us-west-2:000000000000:service/shop/*",
		args: "create-service --service-name shop --source-configuration AutoDeploymentsEnabled=false,AuthenticationConfiguration={AccessRoleArn=ROLE},ImageRepository={ImageIdentifier=IMAGE,ImageRepositoryType=ECR} --encryption-configuration KmsKey=KMS --query Service.ServiceArn"},
	{name: "CreateService/what the CLI does not check", fail: "(InvalidRequestException) when calling the CreateService operation: 1 validation error detected: Value 'no_such_cpu' at 'instanceConfiguration.cpu'",
		args: "create-service --service-name other --source-configuration AutoDeploymentsEnabled=false --instance-configuration Cpu=no_such_cpu"},
	{name: "DescribeService/is RUNNING in the end", args: "describe-service --service-arn SHOP --query Service.Status", want: "RUNNING", wait: true},
	{name: "DescribeService/EncryptionConfiguration when it was given", args: "describe-service --service-arn SHOP --query Service.EncryptionConfiguration.KmsKey", want: "KMS"},
	{name: "DescribeService/an ARN without the id", args: "describe-service --service-arn arn:aws:apprunner:us-west-2:000000000000:service/shop", fail: "(InvalidRequestException)"},
	{name: "ListServices/by name, as scripts find a service", args: "list-services --query ServiceSummaryList[?ServiceName=='shop'].ServiceArn", want: "SHOP"},
	{name: "UpdateService/by shorthand", args: "update-service --service-arn SHOP --instance-configuration Cpu=512,Memory=1024 --query Service.Status", want: "OPERATION_IN_PROGRESS"},
	{name: "UpdateService/is RUNNING again", args: "describe-service --service-arn SHOP --query Service.[Status,InstanceConfiguration.Cpu]", want: "RUNNING\t512", wait: true},
	{name: "StartDeployment/answers an OperationId", args: "start-deployment --service-arn SHOP --query OperationId", want: "*", keep: "NEWEST"},
	{name: "ListOperations/the newest with --max-results 1", args: "list-operations --service-arn SHOP --max-results 1 --query OperationSummaryList[0].[Id,Status]", want: "NEWEST\tSUCCEEDED", wait: true},
	{name: "PauseService/answers an OperationId", args: "pause-service --service-arn SHOP --query OperationId!=null", want: "True"},
	{name: "PauseService/PAUSED, and then no OperationId", args: "pause-service --service-arn SHOP --query [Service.Status,OperationId]", want: "PAUSED\tNone", wait: true},
	{name: "ResumeService/answers an OperationId", args: "resume-service --service-arn SHOP --query OperationId!=null", want: "True"},
	{name: "ResumeService/RUNNING, and then no OperationId", args: "resume-service --service-arn SHOP --query [Service.Status,OperationId]", want: "RUNNING\tNone", wait: true},
	{name: "TagResource/by shorthand", args: "tag-resource --resource-arn SHOP --tags Key=team,Value=blue Key=stage,Value=live", want: ""},
	{name: "UntagResource/one of two", args: "untag-resource --resource-arn SHOP --tag-keys team", want: ""},
	{name: "ListTagsForResource/what is left", args: "list-tags-for-resource --resource-arn SHOP --query Tags[].[Key,Value]", want: "stage\tlive"},
	{name: "CreateAutoScalingConfiguration/active in lower case", args: "create-auto-scaling-configuration --auto-scaling-configuration-name busy --max-concurrency 7 --query AutoScalingConfiguration.[Status,MaxConcurrency,MaxSize]", want: "active\t7\t25"},
	{name: "DescribeAutoScalingConfiguration/by the ARN that ends after the name", keep: "BUSY", args: "describe-auto-scaling-configuration --auto-scaling-configuration-arn ASC/busy --query AutoScalingConfiguration.AutoScalingConfigurationArn", want: "ASC/busy/1/*"},
	{name: "ListAutoScalingConfigurations/one name", args: "list-auto-scaling-configurations --auto-scaling-configuration-name busy --query AutoScalingConfigurationSummaryList[].[AutoScalingConfigurationArn,IsDefault]", want: "BUSY\tFalse"},
	{name: "UpdateDefaultAutoScalingConfiguration/there", args: "update-default-auto-scaling-configuration --auto-scaling-configuration-arn BUSY --query AutoScalingConfiguration.IsDefault", want: "True"},
	{name: "UpdateDefaultAutoScalingConfiguration/and back", args: "update-default-auto-scaling-configuration --auto-scaling-configuration-arn ASC/DefaultConfiguration/1/00000000000000000000000000000001 --query AutoScalingConfiguration.IsDefault", want: "True"},
	{name: "ListServicesForAutoScalingConfiguration/of the default", args: "list-services-for-auto-scaling-configuration --auto-scaling-configuration-arn ASC/DefaultConfiguration --query ServiceArnList", want: "SHOP"},
	{name: "DeleteAutoScalingConfiguration/inactive in lower case", args: "delete-auto-scaling-configuration --auto-scaling-configuration-arn BUSY --query AutoScalingConfiguration.Status", want: "inactive"},
	{name: "CreateConnection/waits for its handshake", keep: "GITCON", args: "create-connection --connection-name hub1 --provider-type GITHUB --tags Key=team,Value=blue --query Connection.ConnectionArn", want: "CONN/hub1/*"},
	{name: "ListConnections/by name, as Terraform reads one", args: "list-connections --connection-name hub1 --query ConnectionSummaryList[].[ConnectionArn,Status]", want: "GITCON\tPENDING_HANDSHAKE"},
	{name: "DeleteConnection/answers DELETED", args: "delete-connection --connection-arn GITCON --query Connection.Status", want: "DELETED"},
	{name: "CreateObservabilityConfiguration/the ARN has a revision", keep: "LOOK", args: "create-observability-configuration --observability-configuration-name look --trace-configuration Vendor=AWSXRAY --query ObservabilityConfiguration.ObservabilityConfigurationArn", want: "OBS/look/1/*"},
	{name: "DescribeObservabilityConfiguration/by the ARN that ends after the name", args: "describe-observability-configuration --observability-configuration-arn OBS/look --query ObservabilityConfiguration.[ObservabilityConfigurationArn,Status]", want: "LOOK\tACTIVE"},
	{name: "ListObservabilityConfigurations/one name", args: "list-observability-configurations --observability-configuration-name look --no-latest-only --query ObservabilityConfigurationSummaryList[].ObservabilityConfigurationArn", want: "LOOK"},
	{name: "DeleteObservabilityConfiguration/INACTIVE in upper case", args: "delete-observability-configuration --observability-configuration-arn LOOK --query ObservabilityConfiguration.Status", want: "INACTIVE"},
	{name: "CreateVpcConnector/is ACTIVE at once", keep: "VPCDATA", args: "create-vpc-connector --vpc-connector-name data --subnets subnet-1 subnet-2 --security-groups sg-1 --query VpcConnector.VpcConnectorArn", want: "CTR/data/1/*"},
	{name: "DescribeVpcConnector/its subnets", args: "describe-vpc-connector --vpc-connector-arn VPCDATA --query VpcConnector.[Status,Subnets[0],Subnets[1],SecurityGroups[0]]", want: "ACTIVE\tsubnet-1\tsubnet-2\tsg-1"},
	{name: "ListVpcConnectors/the only one", args: "list-vpc-connectors --query VpcConnectors[].VpcConnectorArn", want: "VPCDATA"},
	{name: "DeleteVpcConnector/INACTIVE in upper case", args: "delete-vpc-connector --vpc-connector-arn VPCDATA --query VpcConnector.Status", want: "INACTIVE"},
	{name: "AssociateCustomDomain/creating, without records", args: "associate-custom-domain --service-arn SHOP --domain-name a.cli.example --no-enable-www-subdomain --query [CustomDomain.Status,CustomDomain.EnableWWWSubdomain,CustomDomain.CertificateValidationRecords,length(VpcDNSTargets)]", want: "creating\tFalse\tNone\t0"},
	{name: "DescribeCustomDomains/a record to make", wait: true, args: "describe-custom-domains --service-arn SHOP --query CustomDomains[].[DomainName,Status,CertificateValidationRecords[0].Type]", want: "a.cli.example\tpending_certificate_dns_validation\tCNAME"},
	{name: "DisassociateCustomDomain/begins", args: "disassociate-custom-domain --service-arn SHOP --domain-name a.cli.example --query CustomDomain.Status", want: "deleting"},
	{name: "DescribeCustomDomains/gone in the end", wait: true, args: "describe-custom-domains --service-arn SHOP --query CustomDomains[].DomainName", want: ""},
	{name: "UpdateService/private from now on", args: "update-service --service-arn SHOP --network-configuration IngressConfiguration={IsPubliclyAccessible=false} --query Service.Status", want: "OPERATION_IN_PROGRESS"},
	{name: "DescribeService/a private one has an empty ServiceUrl", wait: true, args: "describe-service --service-arn SHOP --query Service.[Status,NetworkConfiguration.IngressConfiguration.IsPubliclyAccessible,ServiceUrl==''&&'empty']", want: "RUNNING\tFalse\tempty"},
	{name: "CreateVpcIngressConnection/begins", keep: "DOOR", args: "create-vpc-ingress-connection --vpc-ingress-connection-name door --service-arn SHOP --ingress-vpc-configuration VpcId=vpc-1,VpcEndpointId=vpce-1 --query VpcIngressConnection.VpcIngressConnectionArn", want: "VIC/door/*"},
	{name: "DescribeVpcIngressConnection/is AVAILABLE in the end", wait: true, args: "describe-vpc-ingress-connection --vpc-ingress-connection-arn DOOR --query VpcIngressConnection.[Status,IngressVpcConfiguration.VpcId]", want: "AVAILABLE\tvpc-1"},
	{name: "UpdateVpcIngressConnection/another endpoint", args: "update-vpc-ingress-connection --vpc-ingress-connection-arn DOOR --ingress-vpc-configuration VpcId=vpc-1,VpcEndpointId=vpce-2 --query VpcIngressConnection.Status", want: "PENDING_UPDATE"},
	{name: "ListVpcIngressConnections/by endpoint", args: "list-vpc-ingress-connections --filter VpcEndpointId=vpce-2 --query VpcIngressConnectionSummaryList[].[VpcIngressConnectionArn,ServiceArn]", want: "DOOR\tSHOP"},
	{name: "DeleteService/one with a VPC ingress connection", args: "delete-service --service-arn SHOP", fail: "VPC ingress connection"},
	{name: "DescribeVpcIngressConnection/is AVAILABLE again", wait: true, args: "describe-vpc-ingress-connection --vpc-ingress-connection-arn DOOR --query VpcIngressConnection.Status", want: "AVAILABLE"},
	{name: "DeleteVpcIngressConnection/begins", args: "delete-vpc-ingress-connection --vpc-ingress-connection-arn DOOR --query VpcIngressConnection.Status", want: "PENDING_DELETION"},
	{name: "DescribeVpcIngressConnection/is DELETED in the end", wait: true, args: "describe-vpc-ingress-connection --vpc-ingress-connection-arn DOOR --query VpcIngressConnection.Status", want: "DELETED"},
	{name: "DeleteService/begins", args: "delete-service --service-arn SHOP --query Service.Status", want: "OPERATION_IN_PROGRESS"},
	{name: "DeleteService/is DELETED in the end", args: "describe-service --service-arn SHOP --query Service.Status", want: "DELETED", wait: true},
}

func testCLI(t *testing.T, s *kit.Slipway) {
	known := []string{
		"IMAGE", s.Image("mimic:v1"), "ROLE", kit.Role, "KMS", "arn:aws:kms:us-west-2:000000000000:key/01234567-89ab-cdef-0123-456789abcdef",
		"ASC", "arn:aws:apprunner:us-west-2:000000000000:autoscalingconfiguration",
		"CONN", "arn:aws:apprunner:us-west-2:000000000000:connection",
		"OBS", "arn:aws:apprunner:us-west-2:000000000000:observabilityconfiguration",
		"CTR", "arn:aws:apprunner:us-west-2:000000000000:vpcconnector",
		"VIC", "arn:aws:apprunner:us-west-2:000000000000:vpcingressconnection",
	}
	for _, c := range commands {
		ok := t.Run(c.name, func(t *testing.T) {
			fill := strings.NewReplacer(known...)
			printed := c.run(t, s.With(t), strings.Fields(fill.Replace(c.args)), fill.Replace(c.want))
			if c.keep != "" {
				known = append(known, c.keep, printed)
			}
		})
		if !ok {
			return // the next ones need what this one makes
		}
	}
}

// run runs a command, holds it to what is wanted, and returns what it printed.
func (c command) run(t *testing.T, s *kit.Slipway, args []string, want string) string {
	t.Helper()
	var printed string
	try := func() error {
		out, errOut, err := s.TryAWS(append(args, "--output", "text")...)
		printed = strings.TrimSpace(out)
		before, after, _ := strings.Cut(want, "*")
		switch {
		case c.fail != "" && (err == nil || !strings.Contains(errOut, c.fail)):
			return kit.Errorf("got error %v %s, want %s", err, errOut, c.fail)
		case c.fail == "" && err != nil:
			return kit.Errorf("%w: %s", err, errOut)
		case printed != want && (c.keep == "" || !strings.HasPrefix(printed, before) || !strings.HasSuffix(printed, after) || printed == before+after):
			return kit.Errorf("it printed %q, want %q", printed, want)
		}
		return nil
	}
	within := time.Duration(0)
	if c.wait {
		within = time.Minute
	}
	s.Eventually("aws apprunner "+strings.Join(args, " "), within, try)
	return printed
}
