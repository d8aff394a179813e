import type { Line } from '../../../lib/logbuffer'
import { clock } from '../../../lib/format'

export function LogLine({ line, words }: { line: Line; words: string }) {
  const instance = line.stream.startsWith('instance/') ? line.stream.slice(9, 17) : ''
  return (
    <div className="log-line">
      <span className="log-time" title={line.time}>
        {clock(line.time)}
      </span>
      {instance && <span className="log-instance" title={line.stream}>{instance}</span>}
      <Marked text={line.text} words={words.trim()} />
    </div>
  )
}

// Marked shows where what is searched is.
function Marked({ text, words }: { text: string; words: string }) {
  const at = words ? text.toLowerCase().indexOf(words.toLowerCase()) : -1
  if (at < 0) return <span>{text}</span>
  return (
    <span>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + words.length)}</mark>
      {text.slice(at + words.length)}
    </span>
  )
}
