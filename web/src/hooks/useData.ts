import { useCallback, useEffect, useRef, useState } from 'react'
import { onChange } from '../api/live'

export interface Data<T> {
  data: T | undefined
  error: unknown
  loading: boolean
  reload: () => void
}

interface Options {
  live?: boolean // read again when anything changes
  every?: number // read again so often, in milliseconds
}

// useData reads what a page shows, again whenever its key changes. What was read last stays while it is read
// again, also when that fails.
export function useData<T>(key: string, read: () => Promise<T>, { live = true, every }: Options = {}): Data<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: unknown }>({ key })
  const latest = useRef(read)
  const running = useRef({ key: '', asked: 0, done: 0 })

  useEffect(() => {
    latest.current = read
  })

  const load = useCallback(async () => {
    if (running.current.key !== key) running.current = { key, asked: 0, done: 0 }
    const mine = running.current
    if (mine.asked++ > mine.done) return // it is being read: what comes now is read after that
    while (mine.done < mine.asked && running.current === mine) {
      const asked = mine.asked
      const result = await latest.current().then(
        (data) => ({ data, error: undefined }),
        (error: unknown) => ({ data: undefined, error }),
      )
      mine.done = asked
      if (running.current !== mine) return
      setState((old) => ({ key, data: result.data ?? (old.key === key ? old.data : undefined), error: result.error }))
    }
  }, [key])

  useEffect(() => {
    void load()
    const stop = live ? onChange(() => void load()) : undefined
    const timer = every ? setInterval(() => !document.hidden && void load(), every) : undefined
    return () => {
      stop?.()
      clearInterval(timer)
    }
  }, [load, live, every])

  const fresh = state.key === key
  return {
    data: fresh ? state.data : undefined,
    error: fresh ? state.error : undefined,
    loading: !fresh || (state.data === undefined && state.error === undefined),
    reload: () => void load(),
  }
}
