import type { Service, Tag as AWSTag } from '@aws-sdk/client-apprunner'
import { empty, noConnection, type Draft, type Variable } from './draft'
import { isOption } from './options'
import { inUnits } from './sizes'

function variablesFrom(texts: Record<string, string> | undefined, secrets: Record<string, string> | undefined): Variable[] {
  return [
    ...Object.entries(texts ?? {}).map(([name, value]): Variable => ({ from: 'text', name, value })),
    ...Object.entries(secrets ?? {}).map(([name, value]): Variable => ({ from: 'secret', name, value })),
  ].sort((a, b) => a.name.localeCompare(b.name))
}

function sourceFrom(service: Service, tags: Record<string, string>): Partial<Draft> {
  const source = service.SourceConfiguration
  const image = source?.ImageRepository
  if (image) {
    const c = image.ImageConfiguration
    return {
      kind: 'image',
      provider: image.ImageRepositoryType === 'ECR_PUBLIC' ? 'ECR_PUBLIC' : 'ECR',
      image: image.ImageIdentifier ?? '',
      accessRole: source.AuthenticationConfiguration?.AccessRoleArn ?? '',
      port: c?.Port ?? empty.port,
      startCommand: c?.StartCommand ?? '',
      variables: variablesFrom(c?.RuntimeEnvironmentVariables, c?.RuntimeEnvironmentSecrets),
    }
  }
  const code = source?.CodeRepository
  const c = code?.CodeConfiguration?.CodeConfigurationValues
  const dockerfile = tags['slipway:build'] === 'dockerfile'
  return {
    kind: 'code',
    connection: source?.AuthenticationConfiguration?.ConnectionArn ?? noConnection,
    repository: code?.RepositoryUrl ?? '',
    branch: code?.SourceCodeVersion?.Value ?? '',
    directory: code?.SourceDirectory ?? '/',
    configuration: dockerfile ? 'DOCKERFILE' : code?.CodeConfiguration?.ConfigurationSource === 'API' ? 'API' : 'REPOSITORY',
    dockerfile: tags['slipway:dockerfile'] ?? '',
    runtime: c?.Runtime ?? '',
    buildCommand: c?.BuildCommand ?? '',
    startCommand: c?.StartCommand ?? '',
    port: c?.Port ?? empty.port,
    variables: variablesFrom(c?.RuntimeEnvironmentVariables, c?.RuntimeEnvironmentSecrets),
  }
}

const number = (n: number | undefined, fallback: string) => (n === undefined ? fallback : String(n))

// fromService is the draft of a service as it is, to be changed.
export function fromService(service: Service, tagList: AWSTag[]): Draft {
  const tags = Object.fromEntries(tagList.map(({ Key, Value }) => [Key ?? '', Value ?? '']))
  const health = service.HealthCheckConfiguration
  const network = service.NetworkConfiguration
  return {
    ...empty,
    ...sourceFrom(service, tags),
    automatic: service.SourceConfiguration?.AutoDeploymentsEnabled ?? false,
    name: service.ServiceName ?? '',
    cpu: inUnits(service.InstanceConfiguration?.Cpu, empty.cpu),
    memory: inUnits(service.InstanceConfiguration?.Memory, empty.memory),
    scaling: service.AutoScalingConfigurationSummary?.AutoScalingConfigurationArn ?? '',
    protocol: health?.Protocol === 'HTTP' ? 'HTTP' : 'TCP',
    path: health?.Path ?? empty.path,
    interval: number(health?.Interval, empty.interval),
    timeout: number(health?.Timeout, empty.timeout),
    healthy: number(health?.HealthyThreshold, empty.healthy),
    unhealthy: number(health?.UnhealthyThreshold, empty.unhealthy),
    instanceRole: service.InstanceConfiguration?.InstanceRoleArn ?? '',
    kmsKey: service.EncryptionConfiguration?.KmsKey ?? '',
    isPrivate: network?.IngressConfiguration?.IsPubliclyAccessible === false,
    connector: network?.EgressConfiguration?.VpcConnectorArn ?? '',
    ipType: network?.IpAddressType === 'DUAL_STACK' ? 'DUAL_STACK' : 'IPV4',
    tracing: service.ObservabilityConfiguration?.ObservabilityEnabled ?? false,
    observability: service.ObservabilityConfiguration?.ObservabilityConfigurationArn ?? '',
    options: Object.fromEntries(Object.entries(tags).filter(([key]) => isOption(key))),
    tags: Object.entries(tags)
      .filter(([key]) => !key.startsWith('slipway:'))
      .map(([key, value]) => ({ key, value })),
  }
}
