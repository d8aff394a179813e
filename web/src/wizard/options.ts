// Options are what a service may have beyond App Runner. Each is a tag of the service.
export interface Option {
  tag: string
  label: string
  description: string
  choices?: { value: string; label: string }[]
  placeholder?: string
}

const onOff = [
  { value: '', label: 'Default' },
  { value: 'on', label: 'On' },
  { value: 'off', label: 'Off' },
]

export const options: Option[] = [
  {
    tag: 'slipway:idle',
    label: 'Idle instances',
    description: 'What becomes of an instance without requests.',
    choices: [
      { value: '', label: 'Keep memory, next to no CPU (as App Runner)' },
      { value: 'always-on', label: 'Keep their CPU' },
      { value: 'freeze', label: 'Stand still, wake with the next request' },
    ],
  },
  { tag: 'slipway:scale-to-zero-after', label: 'Scale to zero after', description: 'A time without a request after which no instance runs.', placeholder: '10m' },
  { tag: 'slipway:request-timeout', label: 'Request timeout', description: 'How long a request may take; App Runner has 120 s.', placeholder: '120s' },
  {
    tag: 'slipway:protocol',
    label: 'Protocol of the application',
    description: 'What instances are asked in.',
    choices: [
      { value: '', label: 'HTTP/1.1' },
      { value: 'h2c', label: 'HTTP/2 without TLS, for gRPC' },
    ],
  },
  { tag: 'slipway:scale-cpu', label: 'Scale at CPU', description: 'Share of the CPU to use before instances are added.', placeholder: '70%' },
  { tag: 'slipway:scale-memory', label: 'Scale at memory', description: 'Share of the memory to use before instances are added.', placeholder: '80%' },
  { tag: 'slipway:scale-rps', label: 'Scale at requests per second', description: 'For each instance.', placeholder: '200' },
  { tag: 'slipway:scale-p95', label: 'Scale at latency', description: 'That 95 of 100 requests shall stay under.', placeholder: '250ms' },
  { tag: 'slipway:canary', label: 'Canary', description: 'The share of requests that a deployment gets first, and for how long.', placeholder: '10%/2m' },
  { tag: 'slipway:auto-rollback', label: 'Automatic rollback', description: 'Of a deployment that fails more than what was before.', choices: onOff },
  { tag: 'slipway:hsts', label: 'HSTS', description: 'Tells browsers to insist on HTTPS.', placeholder: 'on' },
  { tag: 'slipway:allow-ips', label: 'Allowed addresses', description: 'Whose requests are served; empty for everybody.', placeholder: '10.0.0.0/8, 192.0.2.7' },
  { tag: 'slipway:default-domain', label: 'Default domain', description: 'Off: only custom domains lead to the service.', choices: onOff },
  { tag: 'slipway:redeploy-on-secret-change', label: 'Redeploy when a secret changes', description: 'So that instances get the new value.', choices: onOff },
]

export const isOption = (tag: string): boolean => options.some((option) => option.tag === tag)
