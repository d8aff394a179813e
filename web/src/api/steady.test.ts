import { describe, expect, it, vi } from 'vitest'
import { steady } from './steady'

describe('steady', () => {
  it('tries again when the connection broke', async () => {
    vi.useFakeTimers()
    let calls = 0
    const done = steady(() => (++calls < 3 ? Promise.reject(new TypeError('Failed to fetch')) : Promise.resolve(new Response('ok'))))
    await vi.runAllTimersAsync()
    expect(await (await done).text()).toBe('ok')
    expect(calls).toBe(3)
    vi.useRealTimers()
  })

  it('gives up on a server that stays away, and on other errors at once', async () => {
    vi.useFakeTimers()
    let calls = 0
    const done = steady(() => {
      calls++
      return Promise.reject(new TypeError('Failed to fetch'))
    }).catch((error: unknown) => error)
    await vi.runAllTimersAsync()
    expect(await done).toBeInstanceOf(TypeError)
    expect(calls).toBe(3)
    vi.useRealTimers()
    await expect(steady(() => Promise.reject(new Error('other')))).rejects.toThrow('other')
  })
})
