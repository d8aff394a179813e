// Draft is a service as it is typed: fields of forms, all texts.
export interface Draft {
  kind: 'image' | 'code' | 'folder'
  automatic: boolean

  provider: 'ECR' | 'ECR_PUBLIC' | 'OTHER'
  image: string
  accessRole: string

  connection: string // ARN
  repository: string
  branch: string
  directory: string

  configuration: 'API' | 'REPOSITORY' | 'DOCKERFILE'
  dockerfile: string
  runtime: string
  buildCommand: string

  name: string
  cpu: string
  memory: string
  variables: Variable[]
  startCommand: string
  port: string
  scaling: string // ARN, "" for the default

  protocol: 'TCP' | 'HTTP'
  path: string
  interval: string
  timeout: string
  healthy: string
  unhealthy: string

  instanceRole: string
  kmsKey: string

  isPrivate: boolean
  connector: string // ARN of a VPC connector, "" for none
  ipType: 'IPV4' | 'DUAL_STACK'

  tracing: boolean
  observability: string // ARN

  options: Record<string, string> // tags that begin with slipway:
  tags: Tag[]
}

// noConnection is chosen for a public repository, which needs none.
export const noConnection = 'none'

export interface Variable {
  from: 'text' | 'secret'
  name: string
  value: string
}

export interface Tag {
  key: string
  value: string
}

export type Field = keyof Draft
export type Errors = Partial<Record<string, string>>

// Section is what each part of the form gets.
export interface Section {
  draft: Draft
  errors: Errors
  change: (patch: Partial<Draft>) => void
}

export const empty: Draft = {
  kind: 'image',
  automatic: false,
  provider: 'ECR',
  image: '',
  accessRole: '',
  connection: '',
  repository: '',
  branch: '',
  directory: '/',
  configuration: 'API',
  dockerfile: '',
  runtime: '',
  buildCommand: '',
  name: '',
  cpu: '1024',
  memory: '2048',
  variables: [],
  startCommand: '',
  port: '8080',
  scaling: '',
  protocol: 'TCP',
  path: '/',
  interval: '5',
  timeout: '2',
  healthy: '1',
  unhealthy: '5',
  instanceRole: '',
  kmsKey: '',
  isPrivate: false,
  connector: '',
  ipType: 'IPV4',
  tracing: false,
  observability: '',
  options: {},
  tags: [],
}
