import Box from '@cloudscape-design/components/box'
import Header from '@cloudscape-design/components/header'
import Table, { type TableProps } from '@cloudscape-design/components/table'
import type { Decision, Scaling } from '../../../api/instances'
import { when } from '../../../lib/format'

const columns: TableProps.ColumnDefinition<Decision>[] = [
  { id: 'time', header: 'Time', cell: (d) => when(d.time) },
  { id: 'change', header: 'Instances', isRowHeader: true, cell: (d) => `${d.from} → ${d.to}` },
  { id: 'requests', header: 'Requests', cell: (d) => (d.inputs.waiting > 0 ? `${d.inputs.requests}, ${d.inputs.waiting} waiting` : d.inputs.requests) },
  { id: 'reason', header: 'Reason', cell: (d) => d.reason },
]

export function DecisionTable({ scaling, loading }: { scaling: Scaling | undefined; loading: boolean }) {
  const decisions = [...(scaling?.decisions ?? [])].reverse().slice(0, 100)
  const now = scaling?.now
  return (
    <Table
      items={decisions}
      wrapLines
      loading={loading}
      loadingText="Reading the decisions"
      columnDefinitions={columns}
      header={
        <Header
          variant="h2"
          description={now ? `Now: ${now.to} wanted of ${now.inputs.minSize} to ${now.inputs.maxSize}, ${now.inputs.ready} ready. ${now.reason}` : 'The service serves nothing now.'}
        >
          Scaling decisions
        </Header>
      }
      empty={<Box textAlign="center">The number of instances has not changed yet.</Box>}
    />
  )
}
