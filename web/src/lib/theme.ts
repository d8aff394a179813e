import { applyMode, Mode } from '@cloudscape-design/global-styles'

const key = 'slipway-theme'

export type Theme = 'system' | 'light' | 'dark'

export function theme(): Theme {
  const stored = localStorage.getItem(key)
  return stored === 'light' || stored === 'dark' ? stored : 'system'
}

const system = window.matchMedia('(prefers-color-scheme: dark)')

// applyTheme colours the page as chosen, or as the system does.
export function applyTheme(): void {
  const dark = theme() === 'system' ? system.matches : theme() === 'dark'
  applyMode(dark ? Mode.Dark : Mode.Light)
}

system.addEventListener('change', applyTheme)

export function chooseTheme(chosen: Theme): void {
  if (chosen === 'system') localStorage.removeItem(key)
  else localStorage.setItem(key, chosen)
  applyTheme()
}
