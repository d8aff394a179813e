import { useState } from 'react'
import type { VpcConnector } from '@aws-sdk/client-apprunner'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { TableProps } from '@cloudscape-design/components/table'
import { apprunner } from '../../api/apprunner'
import { listConnectors } from '../../api/networks'
import { Confirm } from '../../components/Confirm'
import { Listing } from '../../components/Listing'
import { TextField } from '../../components/TextField'
import { useData } from '../../hooks/useData'
import { when } from '../../lib/format'

const columns: TableProps.ColumnDefinition<VpcConnector>[] = [
  { id: 'name', header: 'VPC connector', isRowHeader: true, cell: (c) => `${c.VpcConnectorName ?? ''}, revision ${c.VpcConnectorRevision ?? ''}` },
  { id: 'subnets', header: 'Subnets', cell: (c) => c.Subnets?.join(', ') },
  { id: 'groups', header: 'Security groups', cell: (c) => c.SecurityGroups?.join(', ') },
  { id: 'created', header: 'Created', cell: (c) => when(c.CreatedAt) },
]

const list = (text: string) => text.split(/[\s,]+/).filter(Boolean)

export function Connectors() {
  const connectors = useData('connectors', listConnectors)
  const [arn, setARN] = useState<string>()
  const [asked, setAsked] = useState<'create' | 'delete'>()
  const chosen = connectors.data?.find((c) => c.VpcConnectorArn === arn)
  const done = () => {
    setAsked(undefined)
    connectors.reload()
  }
  return (
    <>
      <Listing
        inner
        title="VPC connectors"
        what="VPC connectors"
        data={connectors}
        columns={columns}
        id={(c) => c.VpcConnectorArn ?? ''}
        texts={(c) => [c.VpcConnectorName, c.Subnets?.join(), c.SecurityGroups?.join()]}
        selected={chosen}
        select={(c) => setARN(c?.VpcConnectorArn)}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button disabled={!chosen} onClick={() => setAsked('delete')}>
              Delete
            </Button>
            <Button onClick={() => setAsked('create')}>Create VPC connector</Button>
          </SpaceBetween>
        }
      />
      {asked === 'create' && <CreateConnector close={done} />}
      {asked === 'delete' && chosen && (
        <Confirm
          title={`Delete ${chosen.VpcConnectorName ?? ''}?`}
          verb="Delete"
          action={() => apprunner().deleteVpcConnector({ VpcConnectorArn: arn })}
          close={done}
        >
          <Box>A connector that a service uses is not deleted.</Box>
        </Confirm>
      )}
    </>
  )
}

function CreateConnector({ close }: { close: () => void }) {
  const [name, setName] = useState('')
  const [subnets, setSubnets] = useState('')
  const [groups, setGroups] = useState('')
  const create = async () => {
    await apprunner().createVpcConnector({ VpcConnectorName: name, Subnets: list(subnets), SecurityGroups: groups ? list(groups) : undefined })
  }
  return (
    <Confirm title="Create VPC connector" verb="Create" action={create} close={close}>
      <TextField label="Name" value={name} onChange={setName} hint="4 to 40 letters, digits, hyphens and underscores." />
      <TextField label="Subnets" value={subnets} onChange={setSubnets} placeholder="subnet-0a1b2c3d" hint="Names that the configuration of this Slipway gives an address range, with commas in between." />
      <TextField label="Security groups" value={groups} onChange={setGroups} placeholder="sg-0a1b2c3d" />
    </Confirm>
  )
}
