import type {
  CreateServiceRequest,
  HealthCheckConfiguration,
  NetworkConfiguration,
  Runtime,
  SourceConfiguration,
  Tag as AWSTag,
  UpdateServiceRequest,
} from '@aws-sdk/client-apprunner'
import { noConnection, type Draft } from './draft'

const text = (value: string) => value.trim() || undefined

function variablesOf(draft: Draft, from: 'text' | 'secret'): Record<string, string> | undefined {
  const chosen = draft.variables.filter((variable) => variable.from === from)
  return chosen.length > 0 ? Object.fromEntries(chosen.map(({ name, value }) => [name, value])) : undefined
}

function sourceOf(draft: Draft): SourceConfiguration {
  const environment = {
    RuntimeEnvironmentVariables: variablesOf(draft, 'text'),
    RuntimeEnvironmentSecrets: variablesOf(draft, 'secret'),
  }
  if (draft.kind === 'image') {
    return {
      AutoDeploymentsEnabled: draft.automatic && draft.provider !== 'ECR_PUBLIC',
      AuthenticationConfiguration: draft.accessRole ? { AccessRoleArn: text(draft.accessRole) } : undefined,
      ImageRepository: {
        ImageIdentifier: draft.image.trim(),
        ImageRepositoryType: draft.provider === 'ECR_PUBLIC' ? 'ECR_PUBLIC' : 'ECR',
        ImageConfiguration: { Port: draft.port.trim(), StartCommand: text(draft.startCommand), ...environment },
      },
    }
  }
  return {
    AutoDeploymentsEnabled: draft.automatic,
    AuthenticationConfiguration: draft.connection && draft.connection !== noConnection ? { ConnectionArn: draft.connection } : undefined,
    CodeRepository: {
      RepositoryUrl: draft.repository,
      SourceCodeVersion: { Type: 'BRANCH', Value: draft.branch },
      SourceDirectory: draft.directory,
      CodeConfiguration:
        draft.configuration === 'REPOSITORY'
          ? { ConfigurationSource: 'REPOSITORY' }
          : {
              ConfigurationSource: 'API',
              CodeConfigurationValues: {
                Runtime: draft.configuration === 'API' ? (draft.runtime as Runtime) : anyRuntime,
                BuildCommand: draft.configuration === 'API' ? text(draft.buildCommand) : undefined,
                StartCommand: text(draft.startCommand),
                Port: draft.port.trim(),
                ...environment,
              },
            },
    },
  }
}

// anyRuntime is told where a Dockerfile builds: the API wants a runtime, and nothing uses it.
const anyRuntime: Runtime = 'GO_1'

function healthOf(draft: Draft): HealthCheckConfiguration {
  return {
    Protocol: draft.protocol,
    Path: draft.protocol === 'HTTP' ? draft.path : undefined,
    Interval: Number(draft.interval),
    Timeout: Number(draft.timeout),
    HealthyThreshold: Number(draft.healthy),
    UnhealthyThreshold: Number(draft.unhealthy),
  }
}

function networkOf(draft: Draft): NetworkConfiguration {
  return {
    EgressConfiguration: draft.connector ? { EgressType: 'VPC', VpcConnectorArn: draft.connector } : { EgressType: 'DEFAULT' },
    IngressConfiguration: { IsPubliclyAccessible: !draft.isPrivate },
    IpAddressType: draft.ipType,
  }
}

// tagsOf are the tags of a service, with those that are options.
export function tagsOf(draft: Draft): AWSTag[] {
  const options = { ...draft.options }
  if (draft.kind !== 'image' && draft.configuration === 'DOCKERFILE') {
    options['slipway:build'] = 'dockerfile'
    if (draft.dockerfile.trim()) options['slipway:dockerfile'] = draft.dockerfile.trim()
  }
  const set = Object.entries(options).filter(([, value]) => value.trim() !== '')
  return [...set.map(([Key, Value]) => ({ Key, Value: Value.trim() })), ...draft.tags.map(({ key, value }) => ({ Key: key, Value: value }))]
}

function common(draft: Draft) {
  return {
    SourceConfiguration: sourceOf(draft),
    InstanceConfiguration: { Cpu: draft.cpu, Memory: draft.memory, InstanceRoleArn: text(draft.instanceRole) },
    AutoScalingConfigurationArn: draft.scaling || undefined,
    HealthCheckConfiguration: healthOf(draft),
    NetworkConfiguration: networkOf(draft),
    ObservabilityConfiguration: {
      ObservabilityEnabled: draft.tracing,
      ObservabilityConfigurationArn: draft.tracing ? draft.observability || undefined : undefined,
    },
  }
}

// toCreate is the request that makes the service of a draft.
export function toCreate(draft: Draft): CreateServiceRequest {
  const tags = tagsOf(draft)
  return {
    ServiceName: draft.name,
    ...common(draft),
    EncryptionConfiguration: draft.kmsKey ? { KmsKey: draft.kmsKey.trim() } : undefined,
    Tags: tags.length > 0 ? tags : undefined,
  }
}

// toUpdate is the request that makes a service what a draft says.
export function toUpdate(draft: Draft, arn: string): UpdateServiceRequest {
  return { ServiceArn: arn, ...common(draft) }
}
