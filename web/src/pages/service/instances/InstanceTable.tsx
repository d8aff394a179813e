import Box from '@cloudscape-design/components/box'
import Header from '@cloudscape-design/components/header'
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator'
import Table, { type TableProps } from '@cloudscape-design/components/table'
import type { Instance } from '../../../api/instances'
import { latestOf, metricsOf, type MetricsAnswer } from '../../../api/metrics'
import { useData } from '../../../hooks/useData'
import { when } from '../../../lib/format'

const states: Record<Instance['state'], [StatusIndicatorProps.Type, string]> = {
  PREPARED: ['stopped', 'Prepared, a spare'],
  STARTING: ['in-progress', 'Starting'],
  ACTIVE: ['success', 'Active'],
  THROTTLED: ['success', 'Idle, CPU throttled'],
  FROZEN: ['stopped', 'Frozen'],
  ENDING: ['in-progress', 'Ending'],
}

const percent = (n: number | undefined) => (n === undefined ? '–' : `${n.toFixed(n < 10 ? 1 : 0)} %`)

const columns = (metrics: MetricsAnswer | undefined): TableProps.ColumnDefinition<Instance>[] => [
  { id: 'id', header: 'Instance', isRowHeader: true, cell: (i) => <Box variant="code">{i.id.slice(0, 12)}</Box> },
  { id: 'state', header: 'State', minWidth: 200, cell: (i) => <StatusIndicator type={states[i.state][0]}>{states[i.state][1]}</StatusIndicator> },
  { id: 'revision', header: 'Revision', cell: (i) => i.revision ?? '–' },
  { id: 'requests', header: 'Requests in flight', cell: (i) => i.requests },
  { id: 'cpu', header: 'CPU', minWidth: 90, cell: (i) => percent(latestOf(metrics, 'CPUUtilization', i.id)) },
  { id: 'memory', header: 'Memory', minWidth: 90, cell: (i) => percent(latestOf(metrics, 'MemoryUtilization', i.id)) },
  { id: 'since', header: 'Since', cell: (i) => when(i.since) },
]

interface Props {
  service: string
  instances: Instance[]
  loading: boolean
}

export function InstanceTable({ service, instances, loading }: Props) {
  // CPU and memory are measured once a minute.
  const metrics = useData(`metrics of the instances of ${service}`, () => metricsOf(service, { minutes: 5, names: ['CPUUtilization', 'MemoryUtilization'], instances: true }), {
    live: false,
    every: 20_000,
  })
  return (
    <Table
      items={instances}
      trackBy="id"
      wrapLines
      loading={loading}
      loadingText="Reading the instances"
      columnDefinitions={columns(metrics.data)}
      header={
        <Header variant="h2" counter={`(${instances.length})`} description="CPU and memory are of the last minute, as shares of what an instance is given.">
          Instances
        </Header>
      }
      empty={<Box textAlign="center">No instances</Box>}
    />
  )
}
