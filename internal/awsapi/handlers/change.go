package handlers

import (
	"github.com/slipway-run/slipway/internal/apprunner"
	"github.com/slipway-run/slipway/internal/awsapi"
	apprunnerapi "github.com/slipway-run/slipway/internal/awsapi/apprunner"
)

// changeOf reads the members that CreateService and UpdateService share.
func changeOf(source *apprunnerapi.SourceConfiguration, instance *apprunnerapi.InstanceConfiguration,
	health *apprunnerapi.HealthCheckConfiguration, scaling *string,
	network *apprunnerapi.NetworkConfiguration, observability *apprunnerapi.ServiceObservabilityConfiguration,
) (apprunner.Change, error) {
	c := apprunner.Change{Source: sourceOf(source), Scaling: scaling}
	var err error
	if c.Network, err = networkOf(network); err != nil {
		return c, err
	}
	if instance != nil {
		c.Instance = &apprunner.InstanceChange{CPU: text(instance.Cpu), Memory: text(instance.Memory), Role: text(instance.InstanceRoleArn)}
	}
	if health != nil {
		c.Health = &apprunner.HealthChange{
			Protocol: text(health.Protocol), Path: text(health.Path),
			Interval: number(health.Interval), Timeout: number(health.Timeout),
			Healthy: number(health.HealthyThreshold), Unhealthy: number(health.UnhealthyThreshold),
		}
	}
	if observability != nil {
		c.Observability = &apprunner.Observability{
			Enabled: awsapi.Deref(observability.ObservabilityEnabled), ARN: text(observability.ObservabilityConfigurationArn),
		}
	}
	return c, nil
}

func sourceOf(source *apprunnerapi.SourceConfiguration) *apprunner.SourceChange {
	if source == nil {
		return nil
	}
	c := &apprunner.SourceChange{AutoDeploy: source.AutoDeploymentsEnabled, Code: codeOf(source.CodeRepository)}
	if source.AuthenticationConfiguration != nil {
		c.AccessRole = source.AuthenticationConfiguration.AccessRoleArn
		c.Connection = source.AuthenticationConfiguration.ConnectionArn
	}
	image := source.ImageRepository
	if image == nil {
		return c
	}
	c.Image = &apprunner.ImageChange{Identifier: text(image.ImageIdentifier), Type: apprunner.ImageType(text(image.ImageRepositoryType))}
	if conf := image.ImageConfiguration; conf != nil {
		c.Image.Port, c.Image.Start = text(conf.Port), text(conf.StartCommand)
		c.Image.Variables, c.Image.Secrets = conf.RuntimeEnvironmentVariables, conf.RuntimeEnvironmentSecrets
	}
	return c
}

func codeOf(code *apprunnerapi.CodeRepository) *apprunner.CodeChange {
	if code == nil {
		return nil
	}
	c := &apprunner.CodeChange{URL: text(code.RepositoryUrl), Directory: text(code.SourceDirectory)}
	if version := code.SourceCodeVersion; version != nil {
		c.Branch = text(version.Value)
	}
	conf := code.CodeConfiguration
	if conf == nil {
		return c
	}
	c.Source = apprunner.ConfigurationSource(text(conf.ConfigurationSource))
	if v := conf.CodeConfigurationValues; v != nil {
		c.Values = &apprunner.CodeValuesChange{
			Runtime: text(v.Runtime), Build: text(v.BuildCommand), Start: text(v.StartCommand), Port: text(v.Port),
			Variables: v.RuntimeEnvironmentVariables, Secrets: v.RuntimeEnvironmentSecrets,
		}
	}
	return c
}

func networkOf(network *apprunnerapi.NetworkConfiguration) (*apprunner.Network, error) {
	if network == nil {
		return nil, nil
	}
	n := &apprunner.Network{DualStack: text(network.IpAddressType) == string(apprunnerapi.IpAddressTypeDualStack)}
	// The SDK for Go leaves out a false IsPubliclyAccessible: an IngressConfiguration without it is private.
	if in := network.IngressConfiguration; in != nil {
		n.Private = !awsapi.Deref(in.IsPubliclyAccessible)
	}
	if out := network.EgressConfiguration; out != nil && text(out.EgressType) == string(apprunnerapi.EgressTypeVpc) {
		if n.VPCConnector = text(out.VpcConnectorArn); n.VPCConnector == "" {
			return nil, apprunner.Errorf(apprunner.InvalidRequest, "NetworkConfiguration.EgressConfiguration with EgressType VPC needs a VpcConnectorArn.")
		}
	}
	return n, nil
}
