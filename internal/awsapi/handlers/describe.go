package handlers

import (
	"strconv"
	"time"

	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
)

// service is how App Runner shows a service: every default filled in, what was not set left out.
func (h *Handlers) service(s apprunner.Service) *apprunnerapi.Service {
	out := &apprunnerapi.Service{
		ServiceName: &s.Name, ServiceId: &s.ID, ServiceArn: &s.ARN, ServiceUrl: new(h.serviceURL(s)),
		Status:    new(apprunnerapi.ServiceStatus(s.Status)),
		CreatedAt: awsapi.NewTime(s.CreatedAt), UpdatedAt: awsapi.NewTime(s.UpdatedAt), DeletedAt: awsapi.NewTime(s.DeletedAt),
		SourceConfiguration:      sourceShape(s.Spec),
		InstanceConfiguration:    instanceShape(s.Spec.Instance),
		HealthCheckConfiguration: healthShape(s.Spec.Health),
		NetworkConfiguration:     networkShape(s.Spec.Network),
		ObservabilityConfiguration: &apprunnerapi.ServiceObservabilityConfiguration{
			ObservabilityEnabled: &s.Spec.Observability.Enabled, ObservabilityConfigurationArn: filled(s.Spec.Observability.ARN),
		},
		AutoScalingConfigurationSummary: scalingReference(s.Spec.ScalingARN),
	}
	if s.KMSKey != "" {
		out.EncryptionConfiguration = &apprunnerapi.EncryptionConfiguration{KmsKey: &s.KMSKey}
	}
	return out
}

// serviceURL is empty for a private service, which has no address that everybody could use.
func (h *Handlers) serviceURL(s apprunner.Service) string {
	if s.Spec.Network.Private {
		return ""
	}
	return h.URL(s)
}

func sourceShape(spec apprunner.Spec) *apprunnerapi.SourceConfiguration {
	out := &apprunnerapi.SourceConfiguration{AutoDeploymentsEnabled: &spec.AutoDeploy}
	if spec.Code != nil {
		out.CodeRepository = codeShape(*spec.Code)
	} else {
		out.ImageRepository = imageShape(spec.Image)
	}
	if spec.AccessRole != "" || spec.Connection != "" {
		out.AuthenticationConfiguration = &apprunnerapi.AuthenticationConfiguration{
			AccessRoleArn: filled(spec.AccessRole), ConnectionArn: filled(spec.Connection),
		}
	}
	return out
}

func imageShape(image apprunner.Image) *apprunnerapi.ImageRepository {
	return &apprunnerapi.ImageRepository{
		ImageIdentifier:     &image.Identifier,
		ImageRepositoryType: new(apprunnerapi.ImageRepositoryType(image.Type)),
		ImageConfiguration: &apprunnerapi.ImageConfiguration{
			Port: new(strconv.Itoa(image.Port)), StartCommand: filled(image.Start), RuntimeEnvironmentVariables: image.Variables,
			RuntimeEnvironmentSecrets: image.Secrets,
		},
	}
}

func codeShape(code apprunner.CodeRepository) *apprunnerapi.CodeRepository {
	out := &apprunnerapi.CodeRepository{
		RepositoryUrl: &code.URL, SourceDirectory: &code.Directory,
		SourceCodeVersion: &apprunnerapi.SourceCodeVersion{Type: new(apprunnerapi.SourceCodeVersionTypeBranch), Value: &code.Branch},
		CodeConfiguration: &apprunnerapi.CodeConfiguration{ConfigurationSource: new(apprunnerapi.ConfigurationSource(code.Source))},
	}
	if v := code.Values; v != nil {
		out.CodeConfiguration.CodeConfigurationValues = &apprunnerapi.CodeConfigurationValues{
			Runtime: new(apprunnerapi.Runtime(v.Runtime)), BuildCommand: filled(v.Build), StartCommand: filled(v.Start),
			Port: new(strconv.Itoa(v.Port)), RuntimeEnvironmentVariables: v.Variables,
			RuntimeEnvironmentSecrets: v.Secrets,
		}
	}
	return out
}

func instanceShape(i apprunner.InstanceConfiguration) *apprunnerapi.InstanceConfiguration {
	return &apprunnerapi.InstanceConfiguration{
		Cpu: new(strconv.Itoa(i.CPU)), Memory: new(strconv.Itoa(i.Memory)), InstanceRoleArn: filled(i.Role),
	}
}

func healthShape(c apprunner.HealthCheck) *apprunnerapi.HealthCheckConfiguration {
	return &apprunnerapi.HealthCheckConfiguration{
		Protocol: new(apprunnerapi.HealthCheckProtocol(c.Protocol)), Path: &c.Path,
		Interval: new(int32(c.Interval / time.Second)), Timeout: new(int32(c.Timeout / time.Second)),
		HealthyThreshold: new(int32(c.Healthy)), UnhealthyThreshold: new(int32(c.Unhealthy)),
	}
}

func networkShape(n apprunner.Network) *apprunnerapi.NetworkConfiguration {
	out := &apprunnerapi.NetworkConfiguration{
		EgressConfiguration:  &apprunnerapi.EgressConfiguration{EgressType: new(apprunnerapi.EgressTypeDefault)},
		IngressConfiguration: &apprunnerapi.IngressConfiguration{IsPubliclyAccessible: new(!n.Private)},
		IpAddressType:        new(apprunnerapi.IpAddressTypeIpv4),
	}
	if n.DualStack {
		out.IpAddressType = new(apprunnerapi.IpAddressTypeDualStack)
	}
	if n.VPCConnector != "" {
		out.EgressConfiguration.EgressType = new(apprunnerapi.EgressTypeVpc)
		out.EgressConfiguration.VpcConnectorArn = &n.VPCConnector
	}
	return out
}

// scalingReference is the short form inside of a service: ARN, name and revision.
func scalingReference(arn string) *apprunnerapi.AutoScalingConfigurationSummary {
	out := &apprunnerapi.AutoScalingConfigurationSummary{AutoScalingConfigurationArn: &arn}
	if a, err := apprunner.ParseARN(arn); err == nil {
		out.AutoScalingConfigurationName = &a.Name
		out.AutoScalingConfigurationRevision = new(int32(a.Revision))
	}
	return out
}
