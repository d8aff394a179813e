export interface Notice {
  id: string
  type: 'success' | 'error' | 'info' | 'warning'
  content: string
}

let notices: readonly Notice[] = []
let count = 0
const listeners = new Set<() => void>()

function set(next: readonly Notice[]) {
  notices = next
  listeners.forEach((listener) => listener())
}

// notify shows a notice above the page. Good news goes by itself.
export function notify(type: Notice['type'], content: string): void {
  const id = String(++count)
  set([...notices.slice(-3), { id, type, content }])
  if (type === 'success' || type === 'info') setTimeout(() => dismiss(id), 8000)
}

export function dismiss(id: string): void {
  set(notices.filter((notice) => notice.id !== id))
}

export const noticeStore = {
  subscribe: (listener: () => void) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  },
  get: () => notices,
}
