import { useState } from 'react'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import ButtonDropdown from '@cloudscape-design/components/button-dropdown'
import Header from '@cloudscape-design/components/header'
import Link from '@cloudscape-design/components/link'
import SpaceBetween from '@cloudscape-design/components/space-between'
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator'
import Table, { type TableProps } from '@cloudscape-design/components/table'
import { connections, type Connection } from '../../api/connections'
import { Confirm } from '../../components/Confirm'
import { Failure } from '../../components/Failure'
import { useData } from '../../hooks/useData'
import { useTitle } from '../../hooks/useTitle'
import { when, words } from '../../lib/format'
import { notify } from '../../lib/notify'
import { AddConnection } from './AddConnection'
import { providerOf } from './methods'

const states: Record<string, StatusIndicatorProps.Type> = { AVAILABLE: 'success', PENDING_HANDSHAKE: 'pending', ERROR: 'error' }

const columns: TableProps.ColumnDefinition<Connection>[] = [
  { id: 'name', header: 'Connection', isRowHeader: true, cell: (c) => c.Name },
  {
    id: 'provider',
    header: 'Provider',
    cell: (c) => (
      <Link href={c.BaseUrl ?? providerOf(c.Provider).host} external target="_blank">
        {providerOf(c.Provider).label}
      </Link>
    ),
  },
  { id: 'account', header: 'Account', cell: (c) => c.Account ?? '–' },
  {
    id: 'status',
    header: 'Status',
    cell: (c) => <StatusIndicator type={states[c.Status] ?? 'info'}>{words(c.Status) + (c.Reason ? `: ${c.Reason}` : '')}</StatusIndicator>,
  },
  { id: 'created', header: 'Created', cell: (c) => when(c.CreatedAt) },
]

export default function Connections() {
  useTitle('Connected accounts')
  const list = useData('connections', connections.list)
  const [selected, setSelected] = useState<Connection>()
  const [asked, setAsked] = useState<'add' | 'authorize' | 'delete'>()
  const chosen = list.data?.find((connection) => connection.Arn === selected?.Arn)
  const remove = async () => {
    if (!chosen) return
    await connections.remove(chosen.Name)
    notify('success', `Connection ${chosen.Name} was deleted.`)
    list.reload()
  }
  return (
    <SpaceBetween size="m">
      <Failure of="read the connections" error={list.error} retry={list.reload} />
      <Table
        variant="full-page"
        items={list.data ?? []}
        trackBy="Arn"
        wrapLines
        loading={list.loading}
        loadingText="Reading the connections"
        selectionType="single"
        selectedItems={chosen ? [chosen] : []}
        onSelectionChange={({ detail }) => setSelected(detail.selectedItems[0])}
        ariaLabels={{ selectionGroupLabel: 'Connections', itemSelectionLabel: (_, c) => c.Name }}
        columnDefinitions={columns}
        header={
          <Header
            variant="awsui-h1-sticky"
            counter={list.data && `(${list.data.length})`}
            description="How Slipway reads source code at Git hosts."
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <ButtonDropdown
                  disabled={!chosen}
                  items={[
                    { id: 'authorize', text: 'Complete handshake' },
                    { id: 'delete', text: 'Delete' },
                  ]}
                  onItemClick={({ detail }) => setAsked(detail.id === 'delete' ? 'delete' : 'authorize')}
                >
                  Actions
                </ButtonDropdown>
                <Button variant="primary" onClick={() => setAsked('add')}>
                  Add connection
                </Button>
              </SpaceBetween>
            }
          >
            Connected accounts
          </Header>
        }
        empty={<Box textAlign="center">No connections</Box>}
      />
      {(asked === 'add' || (asked === 'authorize' && chosen)) && (
        <AddConnection
          existing={asked === 'authorize' ? chosen : undefined}
          close={() => {
            setAsked(undefined)
            list.reload()
          }}
        />
      )}
      {asked === 'delete' && chosen && (
        <Confirm title={`Delete ${chosen.Name}?`} verb="Delete" action={remove} close={() => setAsked(undefined)}>
          <Box>Slipway forgets its credential. A connection that a service uses is not deleted.</Box>
        </Confirm>
      )}
    </SpaceBetween>
  )
}
