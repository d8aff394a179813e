import { describe, expect, it } from 'vitest'
import { asText, LogBuffer, type Line } from './logbuffer'

const line = (text: string, stream = 'events'): Line => ({ time: '2026-01-31T12:00:00Z', stream, text })
const texts = (lines: Line[]) => lines.map((l) => l.text)

describe('LogBuffer', () => {
  it('shows everything while nothing is searched', () => {
    const buffer = new LogBuffer()
    buffer.append([line('a'), line('b')])
    buffer.append([line('c')])
    expect(texts(buffer.matching)).toEqual(['a', 'b', 'c'])
  })

  it('searches in what is there and in what comes', () => {
    const buffer = new LogBuffer()
    buffer.append([line('Error: one'), line('fine')])
    buffer.search(' error ')
    buffer.append([line('more ERROR'), line('still fine')])
    expect(texts(buffer.matching)).toEqual(['Error: one', 'more ERROR'])
    buffer.search('')
    expect(buffer.matching).toHaveLength(4)
  })

  it('searches for instances too', () => {
    const buffer = new LogBuffer()
    buffer.append([line('a', 'instance/abc'), line('b', 'instance/def')])
    buffer.search('def')
    expect(texts(buffer.matching)).toEqual(['b'])
  })

  it('lets the oldest lines go, also from the matches', () => {
    const buffer = new LogBuffer(3)
    buffer.append([line('x1'), line('y2'), line('x3')])
    buffer.search('x')
    buffer.append([line('x4')])
    expect(texts(buffer.lines)).toEqual(['y2', 'x3', 'x4'])
    expect(texts(buffer.matching)).toEqual(['x3', 'x4'])
    expect(buffer.dropped).toBe(1)
  })

  it('leaves out the colours of terminals', () => {
    const buffer = new LogBuffer()
    buffer.append([line('\u001b[1;31mred\u001b[0m')])
    expect(texts(buffer.lines)).toEqual(['red'])
  })

  it('reads each line of a hundred thousand a few times only, also while lines go', () => {
    let reads = 0
    const counted = (n: number): Line => ({
      ...line(''),
      get text() {
        reads++
        return `request ${n} took some milliseconds`
      },
    })
    const buffer = new LogBuffer(50_000)
    buffer.search('request 99999')
    for (let batch = 0; batch < 1000; batch++) buffer.append(Array.from({ length: 100 }, (_, i) => counted(batch * 100 + i)))
    expect(texts(buffer.matching)).toEqual(['request 99999 took some milliseconds'])
    expect(buffer.lines.length).toBeGreaterThanOrEqual(50_000)
    expect(buffer.lines.length).toBeLessThanOrEqual(55_000)
    expect(buffer.lines.length + buffer.dropped).toBe(100_000)
    expect(reads).toBeLessThan(300_000)
  })
})

describe('asText', () => {
  it('has time, stream and text in each line', () => {
    expect(asText([line('hello', 'instance/a')])).toBe('2026-01-31T12:00:00Z instance/a hello\n')
  })
})
