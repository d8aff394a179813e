import { useState } from 'react'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import Link from '@cloudscape-design/components/link'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { TableProps } from '@cloudscape-design/components/table'
import { ecr, type StoredRepository } from '../../api/ecr'
import { Confirm } from '../../components/Confirm'
import { Listing } from '../../components/Listing'
import { TextField } from '../../components/TextField'
import { useData } from '../../hooks/useData'
import { useFollow } from '../../hooks/useFollow'
import { useTitle } from '../../hooks/useTitle'
import { when } from '../../lib/format'
import { PushCommands } from './PushCommands'

const columns = (follow: ReturnType<typeof useFollow>): TableProps.ColumnDefinition<StoredRepository>[] => [
  {
    id: 'name',
    header: 'Repository',
    isRowHeader: true,
    sortingField: 'repositoryName',
    cell: (r) => (
      <Link href={`/repositories/${encodeURIComponent(r.repositoryName ?? '')}`} onFollow={follow}>
        {r.repositoryName}
      </Link>
    ),
  },
  { id: 'uri', header: 'URI', cell: (r) => r.repositoryUri },
  { id: 'tags', header: 'Tags', cell: (r) => (r.imageTagMutability === 'IMMUTABLE' ? 'Immutable' : 'May move') },
  { id: 'created', header: 'Created', cell: (r) => when(r.createdAt ? new Date(r.createdAt * 1000) : undefined) },
]

export default function Repositories() {
  useTitle('Repositories')
  const follow = useFollow()
  const list = useData('repositories', ecr.repositories)
  const [name, setName] = useState('')
  const [selected, setSelected] = useState<string>()
  const [asked, setAsked] = useState<'create' | 'delete' | 'push'>()
  const chosen = list.data?.find((r) => r.repositoryName === selected)
  const done = () => {
    setAsked(undefined)
    list.reload()
  }
  return (
    <>
      <Listing
        title="Repositories"
        description="Images in this Slipway's registry. Pushing to a name makes its repository."
        what="repositories"
        data={list}
        columns={columns(follow)}
        id={(r) => r.repositoryName ?? ''}
        texts={(r) => [r.repositoryName]}
        selected={chosen}
        select={(r) => setSelected(r?.repositoryName)}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={() => setAsked('push')}>View push commands</Button>
            <Button disabled={!chosen} onClick={() => setAsked('delete')}>
              Delete
            </Button>
            <Button variant="primary" onClick={() => setAsked('create')}>
              Create repository
            </Button>
          </SpaceBetween>
        }
      />
      {asked === 'push' && <PushCommands repository={chosen?.repositoryName ?? list.data?.[0]?.repositoryName ?? 'my-app'} close={() => setAsked(undefined)} />}
      {asked === 'create' && (
        <Confirm title="Create repository" verb="Create" disabled={!name} action={() => ecr.create(name)} close={done}>
          <TextField label="Repository name" value={name} onChange={setName} placeholder="team/app" hint="Lower-case letters, digits and . _ - / in between." />
        </Confirm>
      )}
      {asked === 'delete' && chosen && (
        <Confirm title={`Delete ${selected ?? ''}?`} verb="Delete" action={() => ecr.remove(selected ?? '')} close={done}>
          <Box>All its images are deleted. Services that run them go on, and cannot be deployed again.</Box>
        </Confirm>
      )}
    </>
  )
}
