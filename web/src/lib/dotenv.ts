export interface Pair {
  name: string
  value: string
}

export interface Parsed {
  pairs: Pair[]
  problems: string[] // each names its line
}

const assignment = /^(?:export\s+)?([^\s=#]+)\s*=\s*/

// parseDotenv reads a .env file: NAME=value, quotes of both kinds, \n in double ones, values over several
// lines in quotes, comments, "export". The last of several lines with one name counts.
export function parseDotenv(text: string): Parsed {
  const found = new Map<string, string>()
  const problems: string[] = []
  const lines = text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n').split('\n')
  for (let i = 0; i < lines.length; i++) {
    const line = (lines[i] ?? '').trim()
    if (line === '' || line.startsWith('#')) continue
    const match = assignment.exec(line)
    const name = match?.[1]
    if (!match || !name) {
      problems.push(`Line ${i + 1} is not of the form NAME=value.`)
      continue
    }
    const rest = line.slice(match[0].length)
    const quote = rest.charAt(0)
    if (quote !== '"' && quote !== "'") {
      found.set(name, rest.replace(/(^|\s+)#.*$/, '').trim())
      continue
    }
    const begin = i
    let value = rest.slice(1)
    let end = closing(value, quote)
    while (end < 0 && i + 1 < lines.length) {
      value += '\n' + (lines[++i] ?? '')
      end = closing(value, quote)
    }
    if (end < 0) {
      problems.push(`Line ${begin + 1} begins a quote that does not end.`)
      break
    }
    found.set(name, quote === '"' ? unescape(value.slice(0, end)) : value.slice(0, end))
  }
  return { pairs: [...found].map(([name, value]) => ({ name, value })), problems }
}

// closing finds the quote that ends a value; in double quotes a backslash takes the next character along.
function closing(text: string, quote: string): number {
  for (let i = 0; i < text.length; i++) {
    if (quote === '"' && text[i] === '\\') i++
    else if (text[i] === quote) return i
  }
  return -1
}

const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t' }

function unescape(text: string): string {
  return text.replace(/\\([\s\S])/g, (_, c: string) => escapes[c] ?? c)
}
