import { slipway } from './slipway'

// One stream for all that watch: a browser opens six connections to a server at most. While nobody looks at
// the page there is none.
const listeners = new Set<() => void>()
let stream: EventSource | undefined

function open() {
  if (stream || listeners.size === 0 || document.hidden) return
  stream = new EventSource(slipway.url('watch'))
  stream.onmessage = () => listeners.forEach((listener) => listener())
}

function close() {
  stream?.close()
  stream = undefined
}

document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()))

// onChange calls a listener when anything may have changed, until the returned function is called.
export function onChange(listener: () => void): () => void {
  listeners.add(listener)
  open()
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) close()
  }
}
