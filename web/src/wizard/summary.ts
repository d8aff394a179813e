import { memory, virtualCPU } from '../lib/format'
import { noConnection, type Draft } from './draft'
import { options } from './options'
import { runtimes } from './runtimes'

export interface Line {
  label: string
  value: string
}

export interface Part {
  title: string
  section: SectionID
  lines: Line[]
}

export type SectionID = 'source' | 'build' | 'service' | 'scaling' | 'health' | 'security' | 'network' | 'observability' | 'options' | 'tags'

const nameInARN = (arn: string) => arn.split('/').slice(1, 3).join(', revision ')

function source(draft: Draft): Line[] {
  const trigger = { label: 'Deployment trigger', value: draft.automatic ? 'Automatic' : 'Manual' }
  if (draft.kind === 'image') {
    return [
      { label: 'Container image URI', value: draft.image },
      trigger,
      { label: 'ECR access role', value: draft.accessRole || 'None' },
    ]
  }
  return [
    { label: 'Repository', value: draft.repository },
    { label: 'Branch', value: draft.branch },
    { label: 'Source directory', value: draft.directory },
    { label: 'Connection', value: draft.connection === noConnection || !draft.connection ? 'None' : (draft.connection.split('/')[1] ?? '') },
    trigger,
  ]
}

function build(draft: Draft): Line[] {
  if (draft.kind === 'image') return []
  if (draft.configuration === 'REPOSITORY') return [{ label: 'Configuration file', value: 'apprunner.yaml, or what Slipway finds out' }]
  const run = [
    { label: 'Start command', value: draft.startCommand || "The image's own" },
    { label: 'Port', value: draft.port },
  ]
  if (draft.configuration === 'DOCKERFILE') return [{ label: 'Dockerfile', value: draft.dockerfile || 'Dockerfile' }, ...run]
  return [
    { label: 'Runtime', value: runtimes.find(({ value }) => value === draft.runtime)?.label ?? draft.runtime },
    { label: 'Build command', value: draft.buildCommand },
    ...run,
  ]
}

function service(draft: Draft): Line[] {
  const image = [
    { label: 'Port', value: draft.port },
    { label: 'Start command', value: draft.startCommand || "The image's own" },
  ]
  return [
    { label: 'Service name', value: draft.name },
    { label: 'Instances', value: `${virtualCPU(draft.cpu)}, ${memory(draft.memory)}` },
    { label: 'Environment variables', value: draft.variables.map(({ name, from }) => (from === 'secret' ? `${name} (secret)` : name)).join(', ') || 'None' },
    ...(draft.kind === 'image' ? image : []),
  ]
}

function health(draft: Draft): Line[] {
  return [
    { label: 'Protocol', value: draft.protocol + (draft.protocol === 'HTTP' ? ` ${draft.path}` : '') },
    { label: 'Interval and timeout', value: `${draft.interval} s, ${draft.timeout} s` },
    { label: 'Thresholds', value: `healthy after ${draft.healthy}, unhealthy after ${draft.unhealthy}` },
  ]
}

// summary says what a draft is, part by part.
export function summary(draft: Draft): Part[] {
  const set = options.filter(({ tag }) => draft.options[tag])
  const parts: Part[] = [
    { title: 'Source and deployment', section: 'source', lines: source(draft) },
    { title: 'Build settings', section: 'build', lines: build(draft) },
    { title: 'Service settings', section: 'service', lines: service(draft) },
    { title: 'Auto scaling', section: 'scaling', lines: [{ label: 'Configuration', value: draft.scaling ? nameInARN(draft.scaling) : 'The default one' }] },
    { title: 'Health check', section: 'health', lines: health(draft) },
    {
      title: 'Security',
      section: 'security',
      lines: [
        { label: 'Instance role', value: draft.instanceRole || 'None' },
        { label: 'KMS key', value: draft.kmsKey || "Slipway's own" },
      ],
    },
    {
      title: 'Networking',
      section: 'network',
      lines: [
        { label: 'Incoming', value: draft.isPrivate ? 'Private endpoint' : 'Public endpoint' },
        { label: 'Outgoing', value: draft.connector ? nameInARN(draft.connector) : 'Public access' },
        { label: 'IP address type', value: draft.ipType === 'IPV4' ? 'IPv4' : 'Dual-stack' },
      ],
    },
    { title: 'Observability', section: 'observability', lines: [{ label: 'Tracing', value: draft.tracing ? 'On' : 'Off' }] },
    {
      title: 'Beyond App Runner',
      section: 'options',
      lines: set.length > 0 ? set.map(({ label, tag }) => ({ label, value: draft.options[tag] ?? '' })) : [{ label: 'Options', value: 'None' }],
    },
    {
      title: 'Tags',
      section: 'tags',
      lines: draft.tags.length > 0 ? draft.tags.map(({ key, value }) => ({ label: key, value: value || '–' })) : [{ label: 'Tags', value: 'None' }],
    },
  ]
  return parts.filter(({ lines }) => lines.length > 0)
}
