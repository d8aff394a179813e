import { useEffect, useState } from 'react'
import { empty, type Draft } from './draft'

const key = 'slipway-draft'

// looksSecret reports whether a variable's name says that its value is nobody's business.
export const looksSecret = (name: string): boolean => /passw|secret|token|credential|private_?key|api_?key/i.test(name)

export interface Kept {
  draft: Draft
  step: number
}

// keep is what of a draft is stored: no values that look secret.
export function keep(kept: Kept): string {
  const variables = kept.draft.variables.map((variable) =>
    variable.from === 'text' && looksSecret(variable.name) ? { ...variable, value: '' } : variable,
  )
  return JSON.stringify({ ...kept, draft: { ...kept.draft, variables } })
}

// restore reads what keep wrote, also of an earlier version of the console.
export function restore(text: string | null): Kept {
  try {
    const kept = JSON.parse(text ?? '') as Partial<Kept>
    return { draft: { ...empty, ...kept.draft }, step: kept.step ?? 0 }
  } catch {
    return { draft: empty, step: 0 }
  }
}

// useDraft is a draft that outlives a reload, in the storage that goes with the browser's tab.
export function useDraft() {
  const [kept, setKept] = useState(() => restore(sessionStorage.getItem(key)))
  useEffect(() => sessionStorage.setItem(key, keep(kept)), [kept])
  return {
    ...kept,
    change: (patch: Partial<Draft>) => setKept((old) => ({ ...old, draft: { ...old.draft, ...patch } })),
    goTo: (step: number) => setKept((old) => ({ ...old, step })),
  }
}

// forgetDraft is for when its service was created, or nobody wants it.
export function forgetDraft(): void {
  sessionStorage.removeItem(key)
}
