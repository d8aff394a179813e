import type { Service, Tag } from '@aws-sdk/client-apprunner'
import { apprunner } from '../../../api/apprunner'
import type { Draft } from '../../../wizard/draft'
import { tagsOf, toUpdate } from '../../../wizard/request'

// tagChanges are the tags to set and those to take away.
export function tagChanges(before: Tag[], after: Tag[]): { set: Tag[]; remove: string[] } {
  const old = new Map(before.map(({ Key, Value }) => [Key, Value]))
  const kept = new Set(after.map(({ Key }) => Key))
  return {
    set: after.filter(({ Key, Value }) => old.get(Key) !== Value),
    remove: before.flatMap(({ Key }) => (Key !== undefined && !kept.has(Key) ? [Key] : [])),
  }
}

// apply makes a service what its draft says: tags first, as a build may depend on them.
export async function apply(service: Service, before: Draft, draft: Draft, tags: Tag[], onlyTags: boolean): Promise<void> {
  const { set, remove } = tagChanges(tags, tagsOf(draft))
  if (set.length > 0) await apprunner().tagResource({ ResourceArn: service.ServiceArn, Tags: set })
  if (remove.length > 0) await apprunner().untagResource({ ResourceArn: service.ServiceArn, TagKeys: remove })
  if (onlyTags) return
  const update = toUpdate(draft, service.ServiceArn ?? '')
  if (draft.scaling === before.scaling) delete update.AutoScalingConfigurationArn
  await apprunner().updateService(update)
}
