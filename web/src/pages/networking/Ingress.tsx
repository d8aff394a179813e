import { useState } from 'react'
import type { VpcIngressConnection } from '@aws-sdk/client-apprunner'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import SpaceBetween from '@cloudscape-design/components/space-between'
import StatusIndicator from '@cloudscape-design/components/status-indicator'
import type { TableProps } from '@cloudscape-design/components/table'
import { apprunner } from '../../api/apprunner'
import { listIngress } from '../../api/networks'
import { Confirm } from '../../components/Confirm'
import { Listing } from '../../components/Listing'
import { useData } from '../../hooks/useData'
import { words } from '../../lib/format'
import { CreateIngress } from './CreateIngress'

const type = (status: string | undefined) => (status === 'AVAILABLE' ? 'success' : status?.startsWith('FAILED') ? 'error' : 'pending')

const columns: TableProps.ColumnDefinition<VpcIngressConnection>[] = [
  { id: 'name', header: 'VPC ingress connection', isRowHeader: true, cell: (c) => c.VpcIngressConnectionName },
  { id: 'service', header: 'Service', cell: (c) => c.ServiceArn?.split('/')[1] },
  { id: 'domain', header: 'Domain', cell: (c) => c.DomainName ?? '–' },
  { id: 'status', header: 'Status', cell: (c) => <StatusIndicator type={type(c.Status)}>{words(c.Status)}</StatusIndicator> },
]

export function Ingress() {
  const ingress = useData('ingress', listIngress)
  const [arn, setARN] = useState<string>()
  const [asked, setAsked] = useState<'create' | 'delete'>()
  const chosen = ingress.data?.find((c) => c.VpcIngressConnectionArn === arn)
  const done = () => {
    setAsked(undefined)
    ingress.reload()
  }
  return (
    <>
      <Listing
        inner
        title="VPC ingress connections"
        what="VPC ingress connections"
        data={ingress}
        columns={columns}
        id={(c) => c.VpcIngressConnectionArn ?? ''}
        texts={(c) => [c.VpcIngressConnectionName, c.ServiceArn, c.DomainName]}
        selected={chosen}
        select={(c) => setARN(c?.VpcIngressConnectionArn)}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button disabled={!chosen} onClick={() => setAsked('delete')}>
              Delete
            </Button>
            <Button onClick={() => setAsked('create')}>Create VPC ingress connection</Button>
          </SpaceBetween>
        }
      />
      {asked === 'create' && <CreateIngress close={done} />}
      {asked === 'delete' && chosen && (
        <Confirm
          title={`Delete ${chosen.VpcIngressConnectionName ?? ''}?`}
          verb="Delete"
          action={() => apprunner().deleteVpcIngressConnection({ VpcIngressConnectionArn: arn })}
          close={done}
        >
          <Box>Its domain leads to the service no more.</Box>
        </Confirm>
      )}
    </>
  )
}
