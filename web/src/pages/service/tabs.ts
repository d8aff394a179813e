import type { ComponentType } from 'react'
import { ActivityTab } from './ActivityTab'
import { LogsTab } from './logs/LogsTab'
import { RevisionsTab } from './RevisionsTab'
import type { View } from './view'

interface Tab {
  id: string
  label: string
  Content: ComponentType<View>
}

export const tabs: Tab[] = [
  { id: 'logs', label: 'Logs', Content: LogsTab },
  { id: 'activity', label: 'Activity', Content: ActivityTab },
  { id: 'revisions', label: 'Revisions', Content: RevisionsTab },
]
