import { check } from './error'
import { apiURL, session } from './session'
import { steady } from './steady'

const base = () => `${apiURL('slipway')}/v1/`

async function send<T>(method: string, path: string, body?: unknown): Promise<T> {
  const call = () =>
    fetch(base() + path, {
      method,
      headers: { 'X-Slipway-Token': session().token },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
  const response = method === 'GET' ? await steady(call) : await call()
  return (await (await check(response)).json()) as T
}

// slipway is Slipway's own API.
export const slipway = {
  get: <T>(path: string) => send<T>('GET', path),
  post: <T>(path: string, body: unknown) => send<T>('POST', path, body),
  put: <T>(path: string, body: unknown) => send<T>('PUT', path, body),
  delete: <T>(path: string) => send<T>('DELETE', path),
  url: (path: string) => base() + path,
}

export const segment = encodeURIComponent
