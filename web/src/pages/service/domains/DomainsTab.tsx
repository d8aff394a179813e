import { useState } from 'react'
import type { CustomDomain } from '@aws-sdk/client-apprunner'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import Header from '@cloudscape-design/components/header'
import Link from '@cloudscape-design/components/link'
import SpaceBetween from '@cloudscape-design/components/space-between'
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator'
import Table, { type TableProps } from '@cloudscape-design/components/table'
import { apprunner } from '../../../api/apprunner'
import { domainsOf } from '../../../api/domains'
import { Confirm } from '../../../components/Confirm'
import { Failure } from '../../../components/Failure'
import { useData } from '../../../hooks/useData'
import { words } from '../../../lib/format'
import { notify } from '../../../lib/notify'
import type { View } from '../view'
import { DnsRecords } from './DnsRecords'
import { LinkDomain } from './LinkDomain'

const states: Record<string, StatusIndicatorProps.Type> = {
  active: 'success',
  creating: 'in-progress',
  binding_certificate: 'in-progress',
  deleting: 'in-progress',
  pending_certificate_dns_validation: 'pending',
}

const columns: TableProps.ColumnDefinition<CustomDomain>[] = [
  {
    id: 'name',
    header: 'Domain',
    isRowHeader: true,
    cell: (d) =>
      d.DomainName?.startsWith('*') ? (
        d.DomainName
      ) : (
        <Link href={`//${d.DomainName ?? ''}`} external target="_blank">
          {d.DomainName}
        </Link>
      ),
  },
  {
    id: 'status',
    header: 'Status',
    cell: (d) => <StatusIndicator type={states[d.Status?.toLowerCase() ?? ''] ?? 'error'}>{words(d.Status)}</StatusIndicator>,
  },
  { id: 'www', header: 'With www', cell: (d) => (d.EnableWWWSubdomain ? 'Yes' : 'No') },
]

export function DomainsTab({ service }: View) {
  const arn = service.ServiceArn ?? ''
  const domains = useData(`domains of ${arn}`, () => domainsOf(arn))
  const [selected, setSelected] = useState<string>()
  const [asked, setAsked] = useState<'link' | 'unlink'>()
  const all = domains.data?.domains ?? []
  const chosen = all.find((d) => d.DomainName === selected)
  const unlink = async () => {
    await apprunner().disassociateCustomDomain({ ServiceArn: arn, DomainName: chosen?.DomainName })
    notify('info', `${chosen?.DomainName ?? ''} is being unlinked.`)
    domains.reload()
  }
  return (
    <SpaceBetween size="l">
      <Failure of="read the custom domains" error={domains.error} retry={domains.reload} />
      <Table
        items={all}
        trackBy="DomainName"
        loading={domains.loading}
        loadingText="Reading the custom domains"
        selectionType="single"
        selectedItems={chosen ? [chosen] : []}
        onSelectionChange={({ detail }) => setSelected(detail.selectedItems[0]?.DomainName)}
        ariaLabels={{ selectionGroupLabel: 'Custom domains', itemSelectionLabel: (_, d) => d.DomainName ?? '' }}
        columnDefinitions={columns}
        header={
          <Header
            variant="h2"
            counter={`(${all.length})`}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button disabled={!chosen} onClick={() => setAsked('unlink')}>
                  Unlink domain
                </Button>
                <Button variant="primary" onClick={() => setAsked('link')}>
                  Link domain
                </Button>
              </SpaceBetween>
            }
          >
            Custom domains
          </Header>
        }
        empty={<Box textAlign="center">Only the default domain leads to the service.</Box>}
      />
      {chosen && domains.data && <DnsRecords domain={chosen} target={domains.data.target} />}
      {asked === 'link' && (
        <LinkDomain
          arn={arn}
          close={(name) => {
            setAsked(undefined)
            domains.reload()
            if (name) setSelected(name)
          }}
        />
      )}
      {asked === 'unlink' && chosen && (
        <Confirm title={`Unlink ${chosen.DomainName ?? ''}?`} verb="Unlink" action={unlink} close={() => setAsked(undefined)}>
          <Box>The domain leads to the service no more. Delete its records at the registrar too.</Box>
        </Confirm>
      )}
    </SpaceBetween>
  )
}
