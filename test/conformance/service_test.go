package conformance

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	sdk "github.com/aws/aws-sdk-go-v2/service/apprunner"
	"github.com/aws/aws-sdk-go-v2/service/apprunner/types"

	"github.com/slipway-run/slipway/test/kit"
)

var serviceARN = regexp.MustCompile(`^arn:aws:apprunner:us-east-1:000000000000:service/[A-Za-z0-9_-]+/[0-9a-f]{32}$`)

// serviceSteps go through the life of services.
var serviceSteps = []step{
	{"CreateService/the least there is gets every default", createLeast},
	{"CreateService/sizes are normalised and variables arrive", func(t *testing.T, c *goClient) {
		c.create(t, "shop", "mimic:v1", map[string]string{"COLOUR": "blue"})
		s := c.await(t, c.arns["shop"], types.ServiceStatusRunning)
		if i := s.InstanceConfiguration; *i.Cpu != "256" || *i.Memory != "512" {
			t.Errorf("the sizes are %q and %q", *i.Cpu, *i.Memory)
		}
		if got := s.SourceConfiguration.ImageRepository.ImageConfiguration.RuntimeEnvironmentVariables["COLOUR"]; got != "blue" {
			t.Errorf("COLOUR is %q", got)
		}
	}},
	{"CreateService/a name that is taken", func(t *testing.T, c *goClient) {
		refused[invalidRequest](t, "Service with the provided name already exists: shop.")(
			c.CreateService(t.Context(), &sdk.CreateServiceInput{ServiceName: new("shop"), SourceConfiguration: c.source("mimic:v1", nil)}))
	}},
	{"CreateService/automatic deployments of ECR Public", func(t *testing.T, c *goClient) {
		refused[invalidRequest](t, "App Runner doesn't support automatic deployments for an image in an ECR Public repository.")(
			c.CreateService(t.Context(), &sdk.CreateServiceInput{ServiceName: new("public"), SourceConfiguration: &types.SourceConfiguration{
				AutoDeploymentsEnabled: new(true),
				ImageRepository:        &types.ImageRepository{ImageIdentifier: new("public.ecr.aws/a/b:c"), ImageRepositoryType: types.ImageRepositoryTypeEcrPublic},
			}}))
	}},
	{"CreateService/a private image without a role", func(t *testing.T, c *goClient) {
		source := c.source("mimic:v1", nil)
		source.AuthenticationConfiguration = nil
		refused[invalidRequest](t, "AccessRoleArn")(c.CreateService(t.Context(), &sdk.CreateServiceInput{ServiceName: new("private"), SourceConfiguration: source}))
	}},
	{"CreateService/an instance role that cannot be assumed", func(t *testing.T, c *goClient) {
		refused[invalidRequest](t, "Error in assuming instance role")(c.CreateService(t.Context(), &sdk.CreateServiceInput{
			ServiceName: new("roleless"), SourceConfiguration: c.source("mimic:v1", nil),
			InstanceConfiguration: &types.InstanceConfiguration{InstanceRoleArn: new("arn:aws:iam::000000000000:role/absent")},
		}))
	}},
	{"CreateService/an access role that cannot be assumed", func(t *testing.T, c *goClient) {
		source := c.source("mimic:v1", nil)
		source.AuthenticationConfiguration.AccessRoleArn = new("arn:aws:iam::000000000000:role/absent")
		refused[invalidRequest](t, "Invalid Access Role in AuthenticationConfiguration.")(c.CreateService(t.Context(), &sdk.CreateServiceInput{ServiceName: new("roleless"), SourceConfiguration: source}))
	}},
	{"CreateService/no source", func(t *testing.T, c *goClient) {
		refused[invalidRequest](t, "exactly one of CodeRepository and ImageRepository")(
			c.CreateService(t.Context(), &sdk.CreateServiceInput{ServiceName: new("nothing"), SourceConfiguration: &types.SourceConfiguration{}}))
	}},
	{"CreateService/an image that is not there", func(t *testing.T, c *goClient) {
		out := c.create(t, "failed", "absent:v1", nil)
		c.await(t, out.Service.ServiceArn, types.ServiceStatusCreateFailed)
		if o := c.operation(t, out.Service.ServiceArn, out.OperationId); o.Status != types.OperationStatusFailed || o.Type != types.OperationTypeCreateService {
			t.Errorf("the operation is %s %s", o.Type, o.Status)
		}
	}},
	{"CreateService/one more than the quota", createBeyondQuota},
	{"DescribeService/the request id is in the metadata", func(t *testing.T, c *goClient) {
		out := must[sdk.DescribeServiceOutput](t)(c.DescribeService(t.Context(), &sdk.DescribeServiceInput{ServiceArn: c.arns["shop"]}))
		if id, ok := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata); !ok || !requestID.MatchString(id) {
			t.Errorf("the request id is %q", id)
		}
	}},
	{"DescribeService/no such service", func(t *testing.T, c *goClient) {
		missing := "arn:aws:apprunner:us-east-1:000000000000:service/shop/" + "00000000000000000000000000000000"
		refused[notFound](t, missing)(c.DescribeService(t.Context(), &sdk.DescribeServiceInput{ServiceArn: &missing}))
		refused[invalidRequest](t, "is the ARN of a connection")(
			c.DescribeService(t.Context(), &sdk.DescribeServiceInput{ServiceArn: new("arn:aws:apprunner:us-east-1:000000000000:connection/shop/00000000000000000000000000000000")}))
		// Every Region is its own.
		refused[notFound](t, "")(c.DescribeService(t.Context(), &sdk.DescribeServiceInput{ServiceArn: c.arns["shop"]}, c.at("ap-northeast-1")))
	}},
	{"ListServices/page by page, and all at once", listServices},
	{"ListServices/tokens are for the same question only", func(t *testing.T, c *goClient) {
		first := must[sdk.ListServicesOutput](t)(c.ListServices(t.Context(), &sdk.ListServicesInput{MaxResults: new(int32(1))}))
		for _, in := range []*sdk.ListServicesInput{{MaxResults: new(int32(2)), NextToken: first.NextToken}, {NextToken: new("nonsense")}} {
			refused[invalidRequest](t, "NextToken")(c.ListServices(t.Context(), in))
		}
		refused[invalidRequest](t, "NextToken")(c.ListServices(t.Context(), &sdk.ListServicesInput{MaxResults: new(int32(1)), NextToken: first.NextToken}, c.at("ap-northeast-1")))
	}},
	{"UpdateService/members that are not given stay", updateMerges},
	{"UpdateService/nothing to change", func(t *testing.T, c *goClient) {
		refused[invalidRequest](t, "No configurations provided in the UpdateService request.")(
			c.UpdateService(t.Context(), &sdk.UpdateServiceInput{ServiceArn: c.arns["shop"]}))
	}},
	{"UpdateService/an image that is not there is rolled back", func(t *testing.T, c *goClient) {
		out := must[sdk.UpdateServiceOutput](t)(c.UpdateService(t.Context(), &sdk.UpdateServiceInput{ServiceArn: c.arns["shop"], SourceConfiguration: c.source("absent:v1", nil)}))
		if o := c.operation(t, c.arns["shop"], out.OperationId); o.Status != types.OperationStatusRollbackSucceeded {
			t.Errorf("the operation is %s", o.Status)
		}
		s := c.await(t, c.arns["shop"], types.ServiceStatusRunning)
		if got := *s.SourceConfiguration.ImageRepository.ImageIdentifier; got != c.s.Image("mimic:v1") {
			t.Errorf("the image is %q", got)
		}
	}},
	{"UpdateService/a failed service is built again", func(t *testing.T, c *goClient) {
		arn := c.arns["failed"]
		again := must[sdk.UpdateServiceOutput](t)(c.UpdateService(t.Context(), &sdk.UpdateServiceInput{ServiceArn: arn}))
		if o := c.operation(t, arn, again.OperationId); o.Status != types.OperationStatusFailed {
			t.Errorf("without a change it is %s", o.Status)
		}
		c.await(t, arn, types.ServiceStatusCreateFailed)
		must[sdk.UpdateServiceOutput](t)(c.UpdateService(t.Context(), &sdk.UpdateServiceInput{ServiceArn: arn, SourceConfiguration: c.source("mimic:v1", nil)}))
		c.await(t, arn, types.ServiceStatusRunning)
	}},
	{"StartDeployment/an operation that succeeds", func(t *testing.T, c *goClient) {
		out := must[sdk.StartDeploymentOutput](t)(c.StartDeployment(t.Context(), &sdk.StartDeploymentInput{ServiceArn: c.arns["shop"]}))
		o := c.operation(t, c.arns["shop"], out.OperationId)
		if o.Type != types.OperationTypeStartDeployment || o.Status != types.OperationStatusSucceeded || *o.TargetArn != *c.arns["shop"] {
			t.Errorf("the operation is %s %s of %s", o.Type, o.Status, *o.TargetArn)
		}
		if o.StartedAt == nil || o.UpdatedAt == nil || o.EndedAt.Before(*o.StartedAt) {
			t.Errorf("its times are %v, %v, %v", o.StartedAt, o.UpdatedAt, o.EndedAt)
		}
	}},
	{"PauseService/ends in PAUSED", func(t *testing.T, c *goClient) {
		out := must[sdk.PauseServiceOutput](t)(c.PauseService(t.Context(), &sdk.PauseServiceInput{ServiceArn: c.arns["shop"]}))
		if out.Service.Status != types.ServiceStatusOperationInProgress || out.OperationId == nil {
			t.Errorf("answered %s and operation %v", out.Service.Status, out.OperationId)
		}
		c.await(t, c.arns["shop"], types.ServiceStatusPaused)
	}},
	{"PauseService/again there is no operation", func(t *testing.T, c *goClient) {
		out := must[sdk.PauseServiceOutput](t)(c.PauseService(t.Context(), &sdk.PauseServiceInput{ServiceArn: c.arns["shop"]}))
		if out.Service.Status != types.ServiceStatusPaused || out.OperationId != nil {
			t.Errorf("answered %s and operation %v", out.Service.Status, aws.ToString(out.OperationId))
		}
	}},
	{"ResumeService/ends in RUNNING", func(t *testing.T, c *goClient) {
		out := must[sdk.ResumeServiceOutput](t)(c.ResumeService(t.Context(), &sdk.ResumeServiceInput{ServiceArn: c.arns["shop"]}))
		if out.OperationId == nil {
			t.Error("there is no operation")
		}
		c.await(t, c.arns["shop"], types.ServiceStatusRunning)
	}},
	{"ResumeService/again there is no operation", func(t *testing.T, c *goClient) {
		out := must[sdk.ResumeServiceOutput](t)(c.ResumeService(t.Context(), &sdk.ResumeServiceInput{ServiceArn: c.arns["shop"]}))
		if out.Service.Status != types.ServiceStatusRunning || out.OperationId != nil {
			t.Errorf("answered %s and operation %v", out.Service.Status, aws.ToString(out.OperationId))
		}
	}},
	{"ListOperations/newest first, page by page", listOperations},
	{"ListOperations/no such service", func(t *testing.T, c *goClient) {
		refused[notFound](t, "")(c.ListOperations(t.Context(), &sdk.ListOperationsInput{ServiceArn: new("arn:aws:apprunner:us-east-1:000000000000:service/gone/00000000000000000000000000000000")}))
	}},
}

// endSteps delete what the others made.
var endSteps = []step{
	{"DeleteService/DELETED, described and not listed", func(t *testing.T, c *goClient) {
		for _, name := range []string{"shop", "failed", "least"} {
			out := must[sdk.DeleteServiceOutput](t)(c.DeleteService(t.Context(), &sdk.DeleteServiceInput{ServiceArn: c.arns[name]}))
			if out.OperationId == nil || out.Service.Status != types.ServiceStatusOperationInProgress {
				t.Errorf("answered %s and operation %v", out.Service.Status, out.OperationId)
			}
			if s := c.await(t, c.arns[name], types.ServiceStatusDeleted); s.DeletedAt == nil || s.DeletedAt.Before(*s.CreatedAt) {
				t.Errorf("DeletedAt is %v", s.DeletedAt)
			}
		}
		if out := must[sdk.ListServicesOutput](t)(c.ListServices(t.Context(), &sdk.ListServicesInput{})); len(out.ServiceSummaryList) != 0 {
			t.Errorf("there are still %d services", len(out.ServiceSummaryList))
		}
	}},
	{"DeleteService/again", func(t *testing.T, c *goClient) {
		refused[notFound](t, "is deleted")(c.DeleteService(t.Context(), &sdk.DeleteServiceInput{ServiceArn: c.arns["shop"]}))
	}},
}

// createLeast looks at everything that Terraform, Copilot and CloudFormation read without asking
// whether it is there.
func createLeast(t *testing.T, c *goClient) {
	source := c.source("mimic:v1", nil)
	source.AutoDeploymentsEnabled, source.ImageRepository.ImageConfiguration = nil, nil
	out := must[sdk.CreateServiceOutput](t)(c.CreateService(t.Context(), &sdk.CreateServiceInput{ServiceName: new("least"), SourceConfiguration: source}))
	s := out.Service
	c.arns["least"] = s.ServiceArn
	if s.Status != types.ServiceStatusOperationInProgress || out.OperationId == nil || !serviceARN.MatchString(*s.ServiceArn) {
		t.Errorf("answered %s, operation %v, ARN %s", s.Status, out.OperationId, *s.ServiceArn)
	}
	s = c.await(t, s.ServiceArn, types.ServiceStatusRunning)
	if !regexp.MustCompile(`^[a-z0-9]{10}\.us-east-1\.`).MatchString(*s.ServiceUrl) {
		t.Errorf("ServiceUrl is %q", *s.ServiceUrl)
	}
	if i := s.InstanceConfiguration; *i.Cpu != "1024" || *i.Memory != "2048" || i.InstanceRoleArn != nil {
		t.Errorf("InstanceConfiguration is %+v", i)
	}
	if h := s.HealthCheckConfiguration; h.Protocol != types.HealthCheckProtocolTcp || *h.Path != "/" ||
		*h.Interval != 5 || *h.Timeout != 2 || *h.HealthyThreshold != 1 || *h.UnhealthyThreshold != 5 {
		t.Errorf("HealthCheckConfiguration is %+v", h)
	}
	if n := s.NetworkConfiguration; n.EgressConfiguration.EgressType != types.EgressTypeDefault ||
		!n.IngressConfiguration.IsPubliclyAccessible || n.IpAddressType != types.IpAddressTypeIpv4 {
		t.Errorf("NetworkConfiguration is %+v", n)
	}
	if got := s.SourceConfiguration; !*got.AutoDeploymentsEnabled || *got.ImageRepository.ImageConfiguration.Port != "8080" ||
		*got.AuthenticationConfiguration.AccessRoleArn != kit.Role {
		t.Errorf("SourceConfiguration is %+v", got)
	}
	if got := s.AutoScalingConfigurationSummary; *got.AutoScalingConfigurationName != "DefaultConfiguration" || *got.AutoScalingConfigurationArn != defaultScaling("us-east-1") {
		t.Errorf("AutoScalingConfigurationSummary is %+v", got)
	}
	if s.ObservabilityConfiguration == nil || s.ObservabilityConfiguration.ObservabilityEnabled || s.EncryptionConfiguration != nil || s.DeletedAt != nil {
		t.Errorf("ObservabilityConfiguration is %+v, EncryptionConfiguration %+v, DeletedAt %v", s.ObservabilityConfiguration, s.EncryptionConfiguration, s.DeletedAt)
	}
}

// createBeyondQuota fills a Region with services that fail, which count as well.
func createBeyondQuota(t *testing.T, c *goClient) {
	there, source := c.at("ap-south-1"), c.source("absent:v1", nil)
	source.ImageRepository.ImageIdentifier = new(strings.Replace(c.s.Image("absent:v1"), c.s.Region, "ap-south-1", 1))
	for _, name := range []string{"one-", "two-", "three", "four", "five", "six-", "seven", "eight", "nine"} {
		out, err := c.CreateService(t.Context(), &sdk.CreateServiceInput{ServiceName: &name, SourceConfiguration: source}, there)
		if name == "nine" {
			refused[quotaExceeded](t, quota+" services in Region ap-south-1")(out, err)
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

func listServices(t *testing.T, c *goClient) {
	var got []string
	p := sdk.NewListServicesPaginator(c, &sdk.ListServicesInput{MaxResults: new(int32(1))})
	for _, page := range pages(t, p.HasMorePages, p.NextPage) {
		if len(page.ServiceSummaryList) != 1 {
			t.Errorf("a page has %d services", len(page.ServiceSummaryList))
		}
		for _, s := range page.ServiceSummaryList {
			got = append(got, *s.ServiceName)
		}
	}
	if want := []string{"failed", "shop", "least"}; !slices.Equal(got, want) {
		t.Errorf("the pages have %q, want %q", got, want)
	}
	all := must[sdk.ListServicesOutput](t)(c.ListServices(t.Context(), &sdk.ListServicesInput{}))
	if len(all.ServiceSummaryList) != 3 || all.NextToken != nil {
		t.Errorf("without MaxResults there are %d services and the token %v", len(all.ServiceSummaryList), all.NextToken)
	}
}

func updateMerges(t *testing.T, c *goClient) {
	before := c.await(t, c.arns["shop"], types.ServiceStatusRunning)
	out := must[sdk.UpdateServiceOutput](t)(c.UpdateService(t.Context(), &sdk.UpdateServiceInput{
		ServiceArn: c.arns["shop"], InstanceConfiguration: &types.InstanceConfiguration{Cpu: new("512"), Memory: new("1024")},
	}))
	if out.Service.Status != types.ServiceStatusOperationInProgress || *out.Service.ServiceArn != *c.arns["shop"] {
		t.Errorf("answered %s and %s", out.Service.Status, *out.Service.ServiceArn)
	}
	if o := c.operation(t, c.arns["shop"], out.OperationId); o.Type != types.OperationTypeUpdateService || o.Status != types.OperationStatusSucceeded {
		t.Errorf("the operation is %s %s", o.Type, o.Status)
	}
	s := c.await(t, c.arns["shop"], types.ServiceStatusRunning)
	if *s.InstanceConfiguration.Cpu != "512" || *s.HealthCheckConfiguration.Interval != 1 || *s.ServiceUrl != *before.ServiceUrl ||
		s.SourceConfiguration.ImageRepository.ImageConfiguration.RuntimeEnvironmentVariables["COLOUR"] != "blue" {
		t.Errorf("after the update the service is %+v", s)
	}
	if !s.UpdatedAt.After(*before.UpdatedAt) || !s.CreatedAt.Equal(*before.CreatedAt) {
		t.Errorf("it was updated at %v, then %v", before.UpdatedAt, s.UpdatedAt)
	}
}

func listOperations(t *testing.T, c *goClient) {
	want := []types.OperationType{
		types.OperationTypeResumeService, types.OperationTypePauseService, types.OperationTypeStartDeployment,
		types.OperationTypeUpdateService, types.OperationTypeUpdateService, types.OperationTypeCreateService,
	}
	var got []types.OperationType
	p := sdk.NewListOperationsPaginator(c, &sdk.ListOperationsInput{ServiceArn: c.arns["shop"], MaxResults: new(int32(4))})
	all := pages(t, p.HasMorePages, p.NextPage)
	for _, page := range all {
		for _, o := range page.OperationSummaryList {
			got = append(got, o.Type)
		}
	}
	if len(all) != 2 || !slices.Equal(got, want) {
		t.Errorf("%d pages have %q, want %q", len(all), got, want)
	}
	refused[invalidRequest](t, "NextToken")(c.ListOperations(t.Context(), &sdk.ListOperationsInput{ServiceArn: c.arns["least"], MaxResults: new(int32(4)), NextToken: all[0].NextToken}))
}
