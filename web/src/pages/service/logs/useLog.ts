import { useEffect, useRef, useState } from 'react'
import { segment, slipway } from '../../../api/slipway'
import { LogBuffer, type Line } from '../../../lib/logbuffer'

// useLog follows a log. What comes is shown once per frame of the screen, however many lines that are.
export function useLog(service: string, stream: string, words: string) {
  const buffer = useRef<LogBuffer>(null)
  const [view, setView] = useState<{ lines: Line[]; total: number; dropped: number; live: boolean }>({ lines: [], total: 0, dropped: 0, live: false })

  useEffect(() => {
    const log = new LogBuffer()
    buffer.current = log
    let frame = 0
    let live = false
    const show = () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0
        setView({ lines: log.matching.slice(), total: log.lines.length, dropped: log.dropped, live })
      })
    }
    const source = new EventSource(slipway.url(`services/${segment(service)}/logs?stream=${segment(stream)}`))
    source.onopen = () => {
      live = true
      show()
    }
    source.onerror = () => {
      live = false
      show()
    }
    source.onmessage = (event: MessageEvent<string>) => {
      log.append(JSON.parse(event.data) as Line[])
      show()
    }
    show()
    return () => {
      source.close()
      cancelAnimationFrame(frame)
    }
  }, [service, stream])

  useEffect(() => {
    const log = buffer.current
    if (!log) return
    log.search(words)
    const frame = requestAnimationFrame(() => setView((old) => ({ ...old, lines: log.matching.slice() })))
    return () => cancelAnimationFrame(frame)
  }, [words, service, stream])

  return view
}
