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
  const running = useRef({ key: '', busy: false, again: false })

  useEffect(() => {
    latest.current = read
  })

  const load = useCallback(async () => {
    const run = running.current
    if (run.key !== key) running.current = { key, busy: false, again: false }
    const mine = running.current
    if (mine.busy) {
      mine.again = true
      return
    }
    mine.busy = true
    do {
      mine.again = false
      try {
        const data = await latest.current()
        if (running.current === mine) setState({ key, data })
      } catch (error) {
        if (running.current === mine) setState((old) => ({ key, data: old.key === key ? old.data : undefined, error }))
      }
    } while (mine.again && running.current === mine)
    mine.busy = false
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
