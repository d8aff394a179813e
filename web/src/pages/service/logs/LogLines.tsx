import { useEffect, useRef, useState } from 'react'
import type { Line } from '../../../lib/logbuffer'
import { LogLine } from './LogLine'

interface Props {
  lines: Line[]
  words: string
  follow: boolean
  label: string
  empty: string
  onScrolledAway: () => void
}

const height = 20 // of a line, in pixels, as console.css says
const spare = 20 // lines drawn beyond what is seen

// LogLines draws the lines that are seen: a log of a hundred thousand lines has as many elements as a short one.
export function LogLines({ lines, words, follow, label, empty, onScrolledAway }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const [top, setTop] = useState(0)
  const [seen, setSeen] = useState(30)
  const count = lines.length

  useEffect(() => {
    const element = box.current
    if (!element) return
    const observer = new ResizeObserver(() => setSeen(Math.ceil(element.clientHeight / height)))
    observer.observe(element)
    return () => observer.disconnect()
  }, [])

  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight
  }, [follow, count])

  const first = Math.max(0, Math.floor(top / height) - spare)
  const drawn = lines.slice(first, first + seen + 2 * spare)
  return (
    <div
      ref={box}
      className="log"
      role="log"
      aria-label={label}
      aria-live="off"
      tabIndex={0}
      onScroll={({ currentTarget }) => {
        setTop(currentTarget.scrollTop)
      }}
      onWheel={({ deltaY }) => {
        if (deltaY < 0) onScrolledAway()
      }}
      onKeyDown={({ key }) => {
        if (['ArrowUp', 'PageUp', 'Home'].includes(key)) onScrolledAway()
      }}
      onTouchMove={onScrolledAway}
    >
      {count === 0 && <div className="log-empty">{empty}</div>}
      <div className="log-all" style={{ height: count * height }}>
        <div className="log-drawn" style={{ transform: `translateY(${first * height}px)` }}>
          {drawn.map((line, i) => (
            <LogLine key={first + i} line={line} words={words} />
          ))}
        </div>
      </div>
    </div>
  )
}
