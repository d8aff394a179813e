// What the pages know about who is signed in. The session itself is a cookie that no script can read.

export interface About {
  account: string
  region: string
  scheme: string
  version: string
}

export interface Session {
  keyId: string
  name: string
  token: string
  about: About
}

let current: Session | undefined
const listeners = new Set<() => void>()

export function getSession(): Session | undefined {
  return current
}

// session is for what only runs when somebody is signed in.
export function session(): Session {
  if (!current) throw new Error('Nobody is signed in.')
  return current
}

export function onSession(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function set(next: Session | undefined) {
  current = next
  listeners.forEach((listener) => listener())
}

export async function loadSession(): Promise<void> {
  const response = await fetch('/console/session')
  set(response.status === 200 ? ((await response.json()) as Session) : undefined)
}

export async function signIn(id: string, secret: string): Promise<void> {
  const response = await fetch('/console/session', { method: 'POST', body: JSON.stringify({ id, secret }) })
  if (!response.ok) throw new Error(((await response.json()) as { Message: string }).Message)
  set((await response.json()) as Session)
}

export async function signOut(): Promise<void> {
  await fetch('/console/session', { method: 'DELETE' })
  ended()
}

// ended forgets the session, and what was typed in it.
export function ended(): void {
  sessionStorage.clear()
  set(undefined)
}

// The Region that the pages work in, which is the Slipway's own unless another was chosen.
const regionKey = 'slipway-region'

export function region(): string {
  return localStorage.getItem(regionKey) ?? session().about.region
}

export function chooseRegion(name: string): void {
  localStorage.setItem(regionKey, name)
  window.location.assign('/')
}

export function apiURL(service: string): string {
  return `${window.location.origin}/console/api/${region()}/${service}`
}
