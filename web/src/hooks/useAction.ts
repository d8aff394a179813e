import { useState } from 'react'
import { messageOf } from '../api/error'

// useAction runs what a button starts: it says whether that is under way, and how it failed.
export function useAction<Args extends unknown[]>(action: (...args: Args) => Promise<void>) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<string>()
  const run = async (...args: Args): Promise<void> => {
    setBusy(true)
    setError(undefined)
    try {
      await action(...args)
    } catch (e) {
      setError(messageOf(e))
    } finally {
      setBusy(false)
    }
  }
  return { busy, error, run: (...args: Args) => void run(...args), clear: () => setError(undefined) }
}
