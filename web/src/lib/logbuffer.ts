// Line is one line of a log.
export interface Line {
  time: string
  stream: string
  text: string
}

// Terminals colour what they show; pages show what the colours were.
const colours = /\u001b\[[0-9;]*[A-Za-z]/g

// LogBuffer has the lines of a log and those that match a search. Only what is new is searched, so a log
// that grows stays fast. Beyond its limit, and a tenth more, the oldest lines go.
export class LogBuffer {
  lines: Line[] = []
  matching: Line[] = []
  dropped = 0
  private words = ''
  private readonly limit: number

  constructor(limit = 200_000) {
    this.limit = limit
  }

  append(lines: Line[]): void {
    const clean = lines.map((line) => (line.text.includes('\u001b') ? { ...line, text: line.text.replace(colours, '') } : line))
    for (const line of clean) this.lines.push(line)
    if (this.words) for (const line of clean) if (this.matches(line)) this.matching.push(line)
    if (this.lines.length > this.limit + Math.floor(this.limit / 10)) this.trim()
    if (!this.words) this.matching = this.lines
  }

  private trim(): void {
    const gone = this.lines.slice(0, this.lines.length - this.limit)
    this.lines = this.lines.slice(gone.length)
    this.dropped += gone.length
    let first = 0
    for (const line of gone) if (line === this.matching[first]) first++
    this.matching = this.matching.slice(first)
  }

  search(words: string): void {
    this.words = words.trim().toLowerCase()
    this.matching = this.words ? this.lines.filter((line) => this.matches(line)) : this.lines
  }

  private matches(line: Line): boolean {
    return line.text.toLowerCase().includes(this.words) || line.stream.toLowerCase().includes(this.words)
  }
}

// asText is a log as a file to keep.
export function asText(lines: Line[]): string {
  return lines.map((line) => `${line.time} ${line.stream} ${line.text}\n`).join('')
}
