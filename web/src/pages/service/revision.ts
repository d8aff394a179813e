import type { Revision } from '../../api/operations'
import { when } from '../../lib/format'

// describeRevision says what a revision is made of, and since when there is it.
export function describeRevision(revision: Revision): string {
  const commit = revision.commit
  const from = commit ? [commit.ID?.slice(0, 12), commit.Message?.split('\n')[0]].filter(Boolean).join(' ') : revision.image
  return [from, when(revision.createdAt)].filter(Boolean).join(', ')
}
