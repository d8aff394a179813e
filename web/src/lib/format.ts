const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

// when writes a time as people of the browser's language do.
export function when(time: Date | string | undefined): string {
  if (!time) return '–'
  const date = typeof time === 'string' ? new Date(time) : time
  return Number.isNaN(date.getTime()) ? '–' : date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
}

// duration writes how long something took: "8.4 s", "2 min 5 s".
export function duration(ms: number): string {
  if (ms < 10 * second) return `${(ms / second).toFixed(1)} s`
  if (ms < minute) return `${Math.round(ms / second)} s`
  if (ms < hour) return `${Math.floor(ms / minute)} min ${Math.round((ms % minute) / second)} s`
  if (ms < day) return `${Math.floor(ms / hour)} h ${Math.round((ms % hour) / minute)} min`
  return `${Math.floor(ms / day)} d ${Math.round((ms % day) / hour)} h`
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

// size writes a number of bytes.
export function size(bytes: number): string {
  let n = bytes
  let unit = 0
  while (n >= 1024 && unit < units.length - 1) {
    n /= 1024
    unit++
  }
  return `${unit === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[unit] ?? ''}`
}

// words writes a name of the API, such as CREATE_FAILED, as the console does: "Create failed".
export function words(constant: string | undefined): string {
  if (!constant) return '–'
  const text = constant.toLowerCase().replaceAll('_', ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

// virtualCPU writes CPU units, or what was given with its unit: "1 vCPU".
export function virtualCPU(cpu: string | undefined): string {
  const n = Number.parseFloat(cpu ?? '')
  if (Number.isNaN(n)) return '–'
  return `${n >= 256 ? n / 1024 : n} vCPU`
}

// memory writes megabytes, or what was given with its unit: "2 GB".
export function memory(amount: string | undefined): string {
  const n = Number.parseFloat(amount ?? '')
  if (Number.isNaN(n)) return '–'
  return `${n >= 512 ? n / 1024 : n} GB`
}

// clock writes the time of a log line, to the millisecond.
export function clock(time: string): string {
  const date = new Date(time)
  const two = (n: number) => String(n).padStart(2, '0')
  const three = String(date.getMilliseconds()).padStart(3, '0')
  return `${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${three}`
}
