import type { ServiceSummary } from '@aws-sdk/client-apprunner'
import { useCollection } from '@cloudscape-design/collection-hooks'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import Header from '@cloudscape-design/components/header'
import Link from '@cloudscape-design/components/link'
import SpaceBetween from '@cloudscape-design/components/space-between'
import Table, { type TableProps } from '@cloudscape-design/components/table'
import TextFilter from '@cloudscape-design/components/text-filter'
import { addressOf, listServices } from '../../api/services'
import { Failure } from '../../components/Failure'
import { ServiceStatus } from '../../components/ServiceStatus'
import { useData } from '../../hooks/useData'
import { useFollow } from '../../hooks/useFollow'
import { useTitle } from '../../hooks/useTitle'
import { when, words } from '../../lib/format'

type Follow = ReturnType<typeof useFollow>

const columns = (follow: Follow): TableProps.ColumnDefinition<ServiceSummary>[] => [
  {
    id: 'name',
    header: 'Service name',
    sortingField: 'ServiceName',
    isRowHeader: true,
    cell: (s) => (
      <Link href={`/services/${s.ServiceName ?? ''}`} onFollow={follow}>
        {s.ServiceName}
      </Link>
    ),
  },
  { id: 'status', header: 'Status', sortingField: 'Status', cell: (s) => <ServiceStatus status={s.Status} /> },
  {
    id: 'domain',
    header: 'Default domain',
    cell: (s) => (s.ServiceUrl ? <Link href={addressOf(s)} external target="_blank">{s.ServiceUrl}</Link> : 'Private'),
  },
  { id: 'created', header: 'Created', sortingComparator: (a, b) => Number(a.CreatedAt) - Number(b.CreatedAt), cell: (s) => when(s.CreatedAt) },
  { id: 'updated', header: 'Updated', sortingComparator: (a, b) => Number(a.UpdatedAt) - Number(b.UpdatedAt), cell: (s) => when(s.UpdatedAt) },
]

export default function Services() {
  useTitle('Services')
  const follow = useFollow()
  const services = useData('services', listServices)
  const create = (
    <Button variant="primary" href="/services/create" onFollow={follow}>
      Create service
    </Button>
  )
  const { items, collectionProps, filterProps, filteredItemsCount } = useCollection(services.data ?? [], {
    filtering: {
      filteringFunction: (s, text) =>
        [s.ServiceName, s.Status, words(s.Status), s.ServiceUrl].some((field) => field?.toLowerCase().includes(text.toLowerCase())),
      empty: <Empty create={create} />,
      noMatch: <Box textAlign="center">No service matches.</Box>,
    },
    sorting: {},
  })
  return (
    <SpaceBetween size="m">
      <Failure of="read the services" error={services.error} retry={services.reload} />
      <Table
        {...collectionProps}
        variant="full-page"
        items={items}
        trackBy="ServiceArn"
        loading={services.loading}
        loadingText="Reading the services"
        columnDefinitions={columns(follow)}
        header={
          <Header variant="awsui-h1-sticky" counter={services.data && `(${services.data.length})`} actions={create}>
            Services
          </Header>
        }
        filter={
          <TextFilter
            {...filterProps}
            filteringPlaceholder="Find services"
            filteringAriaLabel="Find services"
            countText={`${filteredItemsCount ?? 0} found`}
          />
        }
      />
    </SpaceBetween>
  )
}

function Empty({ create }: { create: React.ReactNode }) {
  return (
    <Box textAlign="center" color="inherit">
      <SpaceBetween size="m">
        <b>No services</b>
        {create}
      </SpaceBetween>
    </Box>
  )
}
