import { useState } from 'react'
import Badge from '@cloudscape-design/components/badge'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import Header from '@cloudscape-design/components/header'
import SpaceBetween from '@cloudscape-design/components/space-between'
import Table, { type TableProps } from '@cloudscape-design/components/table'
import { revisionsOf, rollBack, type Revision } from '../../api/operations'
import { Confirm } from '../../components/Confirm'
import { Failure } from '../../components/Failure'
import { useData } from '../../hooks/useData'
import { when } from '../../lib/format'
import { notify } from '../../lib/notify'
import { describeRevision } from './revision'
import type { View } from './view'

const columns = (rollBackTo?: (revision: Revision) => void): TableProps.ColumnDefinition<Revision>[] => [
  { id: 'number', header: 'Revision', isRowHeader: true, cell: (r) => r.number },
  { id: 'state', header: 'State', cell: (r) => (r.serving ? <Badge color="green">Serves</Badge> : r.served ? 'Served before' : 'Never healthy') },
  { id: 'source', header: 'Made of', cell: (r) => (r.commit ? `${r.commit.ID?.slice(0, 12) ?? ''} ${r.commit.Message ?? ''}` : r.image) },
  { id: 'digest', header: 'Digest', cell: (r) => <Box variant="code">{r.digest?.slice(0, 19) ?? '–'}</Box> },
  { id: 'created', header: 'Created', cell: (r) => when(r.createdAt) },
  {
    id: 'action',
    header: 'Actions',
    cell: (r) =>
      rollBackTo &&
      r.served &&
      !r.serving && (
        <Button variant="inline-link" ariaLabel={`Roll back to revision ${r.number}`} onClick={() => rollBackTo(r)}>
          Roll back
        </Button>
      ),
  },
]

export function RevisionsTab({ service, reload }: View) {
  const name = service.ServiceName ?? ''
  const revisions = useData(`revisions of ${name}`, () => revisionsOf(name))
  const [asked, setAsked] = useState<Revision>()
  const back = async (revision: Revision) => {
    await rollBack(name, revision.number)
    notify('info', `${name} goes back to revision ${revision.number}.`)
    reload()
  }
  return (
    <SpaceBetween size="m">
      <Failure of="read the revisions" error={revisions.error} retry={revisions.reload} />
      <Table
        items={revisions.data ?? []}
        trackBy="number"
        wrapLines
        loading={revisions.loading}
        loadingText="Reading the revisions"
        columnDefinitions={columns(service.Status === 'RUNNING' ? setAsked : undefined)}
        header={
          <Header variant="h2" counter={`(${revisions.data?.length ?? 0})`} description="Image, configuration and environment together, as they were deployed.">
            Revisions
          </Header>
        }
        empty={<Box textAlign="center">No revisions</Box>}
      />
      {asked && (
        <Confirm title={`Roll back to revision ${asked.number}?`} verb="Roll back" action={() => back(asked)} close={() => setAsked(undefined)}>
          <Box>{describeRevision(asked)}</Box>
          <Box>Its image, configuration and environment come back as they were. Nothing is built again.</Box>
        </Confirm>
      )}
    </SpaceBetween>
  )
}
