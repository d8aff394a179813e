import type { ReactNode } from 'react'
import { useCollection } from '@cloudscape-design/collection-hooks'
import Box from '@cloudscape-design/components/box'
import Header from '@cloudscape-design/components/header'
import SpaceBetween from '@cloudscape-design/components/space-between'
import Table, { type TableProps } from '@cloudscape-design/components/table'
import TextFilter from '@cloudscape-design/components/text-filter'
import type { Data } from '../hooks/useData'
import { Failure } from './Failure'

interface Props<T> {
  title: string
  description?: string
  what: string // "connections"
  data: Data<T[]>
  columns: TableProps.ColumnDefinition<T>[]
  id: (item: T) => string
  texts: (item: T) => (string | undefined)[] // that are searched
  actions: ReactNode
  empty?: ReactNode
  selected?: T | undefined
  select?: (item: T | undefined) => void
  inner?: boolean // one of several on a page
}

// Listing is a page, or a part of one, with a list that is searched and of which one item is selected.
export function Listing<T>({ title, description, what, data, columns, id, texts, actions, empty, selected, select, inner }: Props<T>) {
  const { items, collectionProps, filterProps, filteredItemsCount } = useCollection(data.data ?? [], {
    filtering: {
      filteringFunction: (item, text) => texts(item).some((field) => field?.toLowerCase().includes(text.toLowerCase())),
      empty: <Box textAlign="center">{empty ?? `No ${what}`}</Box>,
      noMatch: <Box textAlign="center">Nothing matches.</Box>,
    },
    sorting: {},
  })
  return (
    <SpaceBetween size="m">
      <Failure of={`read the ${what}`} error={data.error} retry={data.reload} />
      <Table
        {...collectionProps}
        variant={inner ? 'container' : 'full-page'}
        items={items}
        trackBy={id}
        wrapLines
        loading={data.loading}
        loadingText={`Reading the ${what}`}
        selectionType={select ? 'single' : undefined}
        selectedItems={selected ? [selected] : []}
        onSelectionChange={({ detail }) => select?.(detail.selectedItems[0])}
        ariaLabels={{ selectionGroupLabel: title, itemSelectionLabel: (_, item) => id(item), tableLabel: title }}
        columnDefinitions={columns}
        header={
          <Header variant={inner ? 'h2' : 'awsui-h1-sticky'} counter={data.data && `(${data.data.length})`} description={description} actions={actions}>
            {title}
          </Header>
        }
        filter={
          <TextFilter {...filterProps} filteringPlaceholder={`Find ${what}`} filteringAriaLabel={`Find ${what}`} countText={`${filteredItemsCount ?? 0} found`} />
        }
      />
    </SpaceBetween>
  )
}
