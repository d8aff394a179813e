import { useSyncExternalStore } from 'react'
import Flashbar from '@cloudscape-design/components/flashbar'
import { dismiss, noticeStore } from '../lib/notify'

export function Notices() {
  const notices = useSyncExternalStore(noticeStore.subscribe, noticeStore.get)
  return (
    <Flashbar
      items={notices.map((notice) => ({
        ...notice,
        dismissible: true,
        dismissLabel: 'Dismiss',
        ariaRole: notice.type === 'error' ? 'alert' : 'status',
        onDismiss: () => dismiss(notice.id),
      }))}
    />
  )
}
