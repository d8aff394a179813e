import { options } from './options'

// The members of the API, as its errors name them, and the fields that they come from. Longer names first:
// some are part of others.
const members: [string, string][] = [
  ['observabilityconfigurationarn', 'observability'],
  ['autoscalingconfigurationarn', 'scaling'],
  ['authenticationconfiguration', 'accessRole'],
  ['runtimeenvironmentvariables', 'variables'],
  ['runtimeenvironmentsecrets', 'variables'],
  ['unhealthythreshold', 'unhealthy'],
  ['imagerepositorytype', 'image'],
  ['healthythreshold', 'healthy'],
  ['instancerolearn', 'instanceRole'],
  ['imageidentifier', 'image'],
  ['sourcedirectory', 'directory'],
  ['vpcconnectorarn', 'connector'],
  ['accessrolearn', 'accessRole'],
  ['connectionarn', 'connection'],
  ['repositoryurl', 'repository'],
  ['instance role', 'instanceRole'],
  ['buildcommand', 'buildCommand'],
  ['startcommand', 'startCommand'],
  ['access role', 'accessRole'],
  ['servicename', 'name'],
  ['provided name', 'name'],
  ['interval', 'interval'],
  ['runtime', 'runtime'],
  ['timeout', 'timeout'],
  ['memory', 'memory'],
  ['kmskey', 'kmsKey'],
  ['image', 'image'],
  ['cpu', 'memory'],
  ['port', 'port'],
]

// fieldOf finds the field that a refusal of the API is about, "" when it names none.
export function fieldOf(message: string): string {
  const option = options.find(({ tag }) => message.includes(`"${tag}"`))
  if (option) return option.tag
  const named = /at '([A-Za-z.]+)/.exec(message)?.[1] ?? message
  const text = named.toLowerCase()
  return members.find(([member]) => text.includes(member))?.[1] ?? ''
}
