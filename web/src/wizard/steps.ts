import type { Draft, Field } from './draft'

export type StepID = 'source' | 'build' | 'service' | 'review'

// The fields of each step, for what is checked before the next one, and for where an error belongs.
export const fieldsOf: Record<StepID, readonly Field[]> = {
  source: ['image', 'accessRole', 'connection', 'repository', 'branch', 'directory'],
  build: ['runtime', 'buildCommand', 'startCommand', 'port'],
  service: [
    'name', 'memory', 'variables', 'startCommand', 'port', 'scaling', 'path', 'interval', 'timeout', 'healthy', 'unhealthy',
    'instanceRole', 'kmsKey', 'connector', 'observability', 'tags',
  ],
  review: [],
}

// stepsOf are the steps of the wizard: images are not built.
export function stepsOf(draft: Draft): StepID[] {
  return draft.kind === 'image' ? ['source', 'service', 'review'] : ['source', 'build', 'service', 'review']
}

// checked are the fields that a step of a draft has.
export function checked(draft: Draft, step: StepID): readonly Field[] {
  if (step === 'service' && draft.kind !== 'image') return fieldsOf.service.filter((field) => field !== 'startCommand' && field !== 'port')
  return fieldsOf[step]
}

// stepOf is the step that a field is in.
export function stepOf(draft: Draft, field: string): StepID {
  const steps = stepsOf(draft)
  return steps.find((step) => checked(draft, step).some((name) => name === field)) ?? 'service'
}
