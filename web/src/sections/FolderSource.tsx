import type { Section } from '../wizard/draft'

export function FolderSource({ draft }: Section) {
  return draft.repository
}
