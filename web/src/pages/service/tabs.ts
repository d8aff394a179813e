import { lazy, type ComponentType } from 'react'
import { ActivityTab } from './ActivityTab'
import { ConfigurationTab } from './configuration/ConfigurationTab'
import { DomainsTab } from './domains/DomainsTab'
import { InstancesTab } from './instances/InstancesTab'
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
  { id: 'metrics', label: 'Metrics', Content: lazy(() => import('./metrics/MetricsTab')) },
  { id: 'instances', label: 'Instances', Content: InstancesTab },
  { id: 'revisions', label: 'Revisions', Content: RevisionsTab },
  { id: 'configuration', label: 'Configuration', Content: ConfigurationTab },
  { id: 'domains', label: 'Custom domains', Content: DomainsTab },
]
