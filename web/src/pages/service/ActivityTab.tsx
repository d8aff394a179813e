import Box from '@cloudscape-design/components/box'
import Header from '@cloudscape-design/components/header'
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator'
import Table, { type TableProps } from '@cloudscape-design/components/table'
import type { Operation } from '../../api/operations'
import { duration, when, words } from '../../lib/format'
import type { View } from './view'

const types: Record<string, StatusIndicatorProps.Type> = {
  PENDING: 'pending',
  IN_PROGRESS: 'in-progress',
  ROLLBACK_IN_PROGRESS: 'in-progress',
  SUCCEEDED: 'success',
  ROLLBACK_SUCCEEDED: 'warning',
}

const columns: TableProps.ColumnDefinition<Operation>[] = [
  { id: 'type', header: 'Operation', isRowHeader: true, cell: (o) => words(o.type) },
  { id: 'status', header: 'Status', cell: (o) => <StatusIndicator type={types[o.status] ?? 'error'}>{words(o.status)}</StatusIndicator> },
  { id: 'started', header: 'Started', cell: (o) => when(o.startedAt) },
  {
    id: 'took',
    header: 'Took',
    cell: (o) => (o.endedAt ? duration(Date.parse(o.endedAt) - Date.parse(o.startedAt)) : `at "${o.step}"`),
  },
  { id: 'reason', header: 'Reason', cell: (o) => o.reason ?? '–' },
]

export function ActivityTab({ operations }: View) {
  return (
    <Table
      items={operations}
      trackBy="id"
      wrapLines
      columnDefinitions={columns}
      header={
        <Header variant="h2" counter={`(${operations.length})`}>
          Activity
        </Header>
      }
      empty={<Box textAlign="center">No operations</Box>}
    />
  )
}
