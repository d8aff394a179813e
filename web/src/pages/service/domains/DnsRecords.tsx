import type { CustomDomain } from '@aws-sdk/client-apprunner'
import Box from '@cloudscape-design/components/box'
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard'
import Header from '@cloudscape-design/components/header'
import StatusIndicator from '@cloudscape-design/components/status-indicator'
import Table, { type TableProps } from '@cloudscape-design/components/table'
import { words } from '../../../lib/format'

interface DnsRecord {
  why: string
  name: string
  type: string
  value: string
  status?: string
}

const copyable = (text: string) => (
  <CopyToClipboard
    variant="inline"
    textToCopy={text}
    copyButtonAriaLabel={`Copy ${text}`}
    copySuccessText="Copied"
    copyErrorText="The browser did not allow to copy"
  />
)

const columns: TableProps.ColumnDefinition<DnsRecord>[] = [
  { id: 'why', header: 'Purpose', cell: (r) => r.why },
  { id: 'name', header: 'Record name', isRowHeader: true, cell: (r) => copyable(r.name) },
  { id: 'type', header: 'Type', cell: (r) => r.type },
  { id: 'value', header: 'Value', cell: (r) => copyable(r.value) },
  {
    id: 'status',
    header: 'Status',
    minWidth: 140,
    cell: (r) => (r.status ? <StatusIndicator type={r.status === 'SUCCESS' ? 'success' : r.status === 'FAILED' ? 'error' : 'pending'}>{words(r.status)}</StatusIndicator> : '–'),
  },
]

// DnsRecords says what to enter at the registrar of a domain.
export function DnsRecords({ domain, target }: { domain: CustomDomain; target: string }) {
  const name = domain.DomainName ?? ''
  const records: DnsRecord[] = [
    { why: 'Leads to the service', name, type: 'CNAME, or ALIAS at the top of a zone', value: target },
    ...(domain.EnableWWWSubdomain ? [{ why: 'Leads to the service', name: `www.${name}`, type: 'CNAME', value: target }] : []),
    ...(domain.CertificateValidationRecords ?? []).map((r) => ({
      why: 'Proves that the domain is yours',
      name: r.Name ?? '',
      type: r.Type ?? '',
      value: r.Value ?? '',
      status: r.Status,
    })),
  ]
  return (
    <Table
      items={records}
      wrapLines
      columnDefinitions={columns}
      header={
        <Header variant="h2" description="Enter these records at the registrar of the domain. Slipway looks again every minute.">
          Configure DNS for {name}
        </Header>
      }
      empty={<Box textAlign="center">Slipway is making the records.</Box>}
    />
  )
}
