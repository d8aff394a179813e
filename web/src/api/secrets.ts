import type { DescribeParametersCommandOutput } from '@aws-sdk/client-ssm'
import type { ListSecretsCommandOutput } from '@aws-sdk/client-secrets-manager'
import { aws } from './aws'
import { region, session } from './session'

export interface Reference {
  arn: string
  name: string
  kind: 'Secrets Manager' | 'Parameter Store'
}

const parameterARN = (name: string) => `arn:aws:ssm:${region()}:${session().about.account}:parameter/${name.replace(/^\//, '')}`

// references lists what a variable may get its value from, as far as the key may list it.
export async function references(): Promise<Reference[]> {
  const [secrets, parameters] = await Promise.all([
    aws<ListSecretsCommandOutput>('secretsmanager', 'ListSecrets', { MaxResults: 100 }).then(
      (out) => out.SecretList ?? [],
      () => [],
    ),
    aws<DescribeParametersCommandOutput>('ssm', 'DescribeParameters', { MaxResults: 50 }).then(
      (out) => out.Parameters ?? [],
      () => [],
    ),
  ])
  return [
    ...secrets.map((s): Reference => ({ arn: s.ARN ?? '', name: s.Name ?? '', kind: 'Secrets Manager' })),
    ...parameters.map((p): Reference => ({ arn: parameterARN(p.Name ?? ''), name: p.Name ?? '', kind: 'Parameter Store' })),
  ]
}
