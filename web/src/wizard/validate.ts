import type { Draft, Errors, Field } from './draft'
import { sizes } from './sizes'

// The rules are those of App Runner's API. It checks them again; here they are told where the field is.
const patterns = {
  service: /^[A-Za-z0-9][A-Za-z0-9-_]{3,39}$/,
  role: /^arn:(aws|aws-us-gov|aws-cn|aws-iso|aws-iso-b):iam::[0-9]{12}:(role|role\/service-role)\/[\w+=,.@\-/]{1,1000}$/,
  kms: /^arn:aws(-\w+)*:kms:[a-z-]+-[0-9]{1}:[0-9]{12}:key\/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
}

type Rule = (draft: Draft) => string | undefined | false

const between = (text: string, least: number, most: number, what: string) =>
  (!/^\d+$/.test(text.trim()) || Number(text) < least || Number(text) > most) && `${what} is a number from ${least} to ${most}.`

const oneLine = (text: string, what: string) => /[\r\n]/.test(text) && `${what} is one line: join commands with &&.`

// ownRole reports whether an image needs an access role, as those of AWS's private registries do.
export const needsRole = (draft: Draft): boolean =>
  draft.kind === 'image' && draft.provider === 'ECR' && /^[0-9]{12}\.dkr\.ecr\./.test(draft.image.trim())

const rules: Partial<Record<Field, Rule>> = {
  image: (d) =>
    d.kind === 'image' &&
    ((d.image.trim() === '' && 'Name the image: type its URI, or choose one with Browse.') ||
      (/^https?:\/\//.test(d.image.trim()) && 'Leave out https://: an image has a name, not an address.') ||
      (/\s/.test(d.image.trim()) && 'The name of an image has no spaces.') ||
      (d.provider === 'ECR_PUBLIC' && !d.image.trim().startsWith('public.ecr.aws/') && 'Images of Amazon ECR Public begin with public.ecr.aws/.')),
  accessRole: (d) =>
    (needsRole(d) && d.accessRole.trim() === '' && 'An image in a private ECR repository needs an access role.') ||
    (d.kind === 'image' && d.accessRole.trim() !== '' && !patterns.role.test(d.accessRole.trim()) && 'That is not the ARN of a role: arn:aws:iam::123456789012:role/NAME.'),
  connection: (d) => d.kind === 'code' && d.connection === '' && 'Choose a connection, or add a new one.',
  repository: (d) => d.kind !== 'image' && d.repository === '' && (d.kind === 'folder' ? 'Choose a folder and upload it.' : 'Choose the repository.'),
  branch: (d) => d.kind === 'code' && d.branch === '' && 'Choose the branch.',
  directory: (d) => d.kind === 'code' && !d.directory.startsWith('/') && 'The source directory begins with / at the top of the repository.',
  runtime: (d) => d.kind !== 'image' && d.configuration === 'API' && d.runtime === '' && 'Choose a runtime.',
  buildCommand: (d) =>
    d.kind !== 'image' &&
    d.configuration === 'API' &&
    (oneLine(d.buildCommand, 'The build command') || (d.buildCommand.trim() === '' && 'Enter the command that builds the application.')),
  startCommand: (d) =>
    oneLine(d.startCommand, 'The start command') ||
    (d.kind !== 'image' && d.configuration === 'API' && d.startCommand.trim() === '' && 'Enter the command that starts the application.'),
  port: (d) => (d.kind === 'image' || d.configuration !== 'REPOSITORY') && between(d.port, 1, 65535, 'The port'),
  name: (d) =>
    !patterns.service.test(d.name) && 'A service name has 4 to 40 letters, digits, hyphens and underscores, and begins with a letter or a digit.',
  memory: (d) => !sizes[d.cpu]?.includes(d.memory) && 'App Runner has no instances with this CPU and memory.',
  path: (d) => d.protocol === 'HTTP' && !d.path.startsWith('/') && 'The path begins with /.',
  interval: (d) => between(d.interval, 1, 20, 'The interval'),
  timeout: (d) => between(d.timeout, 1, 20, 'The timeout'),
  healthy: (d) => between(d.healthy, 1, 20, 'The threshold'),
  unhealthy: (d) => between(d.unhealthy, 1, 20, 'The threshold'),
  instanceRole: (d) => d.instanceRole.trim() !== '' && !patterns.role.test(d.instanceRole.trim()) && 'That is not the ARN of a role: arn:aws:iam::123456789012:role/NAME.',
  kmsKey: (d) => d.kmsKey.trim() !== '' && !patterns.kms.test(d.kmsKey.trim()) && 'That is not the ARN of a KMS key: arn:aws:kms:REGION:123456789012:key/ID.',
}

function variables(draft: Draft): Errors {
  const errors: Errors = {}
  const seen = new Set<string>()
  draft.variables.forEach(({ from, name, value }, i) => {
    if (name === '') errors[`variables.${i}.name`] = 'Name the variable.'
    else if (/[=\s]/.test(name)) errors[`variables.${i}.name`] = 'The name has no spaces and no equals sign.'
    else if (name.startsWith('AWSAPPRUNNER')) errors[`variables.${i}.name`] = 'Names that begin with AWSAPPRUNNER are reserved.'
    else if (seen.has(name)) errors[`variables.${i}.name`] = 'There is such a variable already.'
    seen.add(name)
    if (from === 'secret' && value.trim() === '') errors[`variables.${i}.value`] = 'Name the secret or the parameter: its ARN.'
    if (from === 'secret' && draft.instanceRole.trim() === '') errors.instanceRole = 'Reading secrets needs an instance role.'
  })
  return errors
}

function tags(draft: Draft): Errors {
  const errors: Errors = {}
  draft.tags.forEach(({ key }, i) => {
    if (key === '') errors[`tags.${i}.key`] = 'Name the tag.'
    else if (key.startsWith('aws:')) errors[`tags.${i}.key`] = 'Names that begin with aws: are reserved.'
    else if (key.startsWith('slipway:')) errors[`tags.${i}.key`] = 'Set options of Slipway above.'
  })
  return errors
}

// validate tells what is wrong with each of some fields.
export function validate(draft: Draft, fields: readonly Field[]): Errors {
  const errors: Errors = {}
  for (const field of fields) {
    const message = rules[field]?.(draft)
    if (message) errors[field] = message
    if (field === 'variables') Object.assign(errors, variables(draft))
    if (field === 'tags') Object.assign(errors, tags(draft))
  }
  return errors
}
