import { useState } from 'react'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { TableProps } from '@cloudscape-design/components/table'
import { keys, type Key } from '../../api/keys'
import { session } from '../../api/session'
import { Confirm } from '../../components/Confirm'
import { Listing } from '../../components/Listing'
import { useData } from '../../hooks/useData'
import { useTitle } from '../../hooks/useTitle'
import { when } from '../../lib/format'
import { CreateKey } from './CreateKey'
import { PolicyText } from './PolicyText'

const columns: TableProps.ColumnDefinition<Key>[] = [
  { id: 'name', header: 'Name', isRowHeader: true, sortingField: 'Name', cell: (k) => k.Name || 'root' },
  { id: 'id', header: 'Access key ID', cell: (k) => <Box variant="code">{k.AccessKeyId}</Box> },
  { id: 'policy', header: 'May do', cell: (k) => (k.Policy ? <PolicyText policy={k.Policy} /> : 'Everything') },
  { id: 'created', header: 'Created', cell: (k) => when(k.CreatedAt) },
  { id: 'you', header: 'You', cell: (k) => (k.AccessKeyId === session().keyId ? 'Signed in with it' : '–') },
]

export default function Keys() {
  useTitle('Keys')
  const list = useData('keys', keys.list)
  const [selected, setSelected] = useState<string>()
  const [asked, setAsked] = useState<'create' | 'delete'>()
  const chosen = list.data?.find((key) => key.AccessKeyId === selected)
  const done = () => {
    setAsked(undefined)
    list.reload()
  }
  return (
    <>
      <Listing
        title="Keys"
        description="Who may call the APIs, push images and sign in here."
        what="access keys"
        data={list}
        columns={columns}
        id={(k) => k.AccessKeyId}
        texts={(k) => [k.Name, k.AccessKeyId]}
        selected={chosen}
        select={(k) => setSelected(k?.AccessKeyId)}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button disabled={!chosen?.Policy} onClick={() => setAsked('delete')}>
              Delete
            </Button>
            <Button variant="primary" onClick={() => setAsked('create')}>
              Create key
            </Button>
          </SpaceBetween>
        }
      />
      {asked === 'create' && <CreateKey close={done} />}
      {asked === 'delete' && chosen && (
        <Confirm title={`Delete the key ${chosen.Name}?`} verb="Delete" action={() => keys.remove(chosen.AccessKeyId)} close={done}>
          <Box>Whoever uses it is refused from now on.</Box>
        </Confirm>
      )}
    </>
  )
}
