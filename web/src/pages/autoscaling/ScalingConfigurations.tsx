import { useState } from 'react'
import type { AutoScalingConfigurationSummary } from '@aws-sdk/client-apprunner'
import Badge from '@cloudscape-design/components/badge'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import ButtonDropdown from '@cloudscape-design/components/button-dropdown'
import Link from '@cloudscape-design/components/link'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { TableProps } from '@cloudscape-design/components/table'
import { apprunner } from '../../api/apprunner'
import { listScaling } from '../../api/scaling'
import { Confirm } from '../../components/Confirm'
import { Listing } from '../../components/Listing'
import { useData } from '../../hooks/useData'
import { useFollow } from '../../hooks/useFollow'
import { useTitle } from '../../hooks/useTitle'
import { when } from '../../lib/format'
import { notify } from '../../lib/notify'
import { ScalingForm } from './ScalingForm'

type Row = AutoScalingConfigurationSummary

const columns = (follow: ReturnType<typeof useFollow>): TableProps.ColumnDefinition<Row>[] => [
  {
    id: 'name',
    header: 'Configuration name',
    isRowHeader: true,
    sortingField: 'AutoScalingConfigurationName',
    cell: (c) => (
      <Link href={`/autoscaling/${c.AutoScalingConfigurationName ?? ''}`} onFollow={follow}>
        {c.AutoScalingConfigurationName}
      </Link>
    ),
  },
  { id: 'revision', header: 'Latest revision', cell: (c) => c.AutoScalingConfigurationRevision },
  { id: 'default', header: 'Default', cell: (c) => (c.IsDefault ? <Badge color="blue">Default</Badge> : '–') },
  { id: 'used', header: 'In use', cell: (c) => (c.HasAssociatedService ? 'Yes' : 'No') },
  { id: 'created', header: 'Created', cell: (c) => when(c.CreatedAt) },
]

export default function ScalingConfigurations() {
  useTitle('Auto scaling configurations')
  const follow = useFollow()
  const list = useData('scaling configurations', () => listScaling(true))
  const [chosenARN, setChosen] = useState<string>()
  const [asked, setAsked] = useState<'create' | 'delete' | 'default'>()
  const chosen = list.data?.find((c) => c.AutoScalingConfigurationArn === chosenARN)
  const name = chosen?.AutoScalingConfigurationName ?? ''
  const remove = async () => {
    // The ARN without a revision stands for all of them.
    const arn = chosen?.AutoScalingConfigurationArn?.split('/').slice(0, 2).join('/')
    await apprunner().deleteAutoScalingConfiguration({ AutoScalingConfigurationArn: arn, DeleteAllRevisions: true })
    notify('success', `Configuration ${name} was deleted.`)
    list.reload()
  }
  const makeDefault = async () => {
    await apprunner().updateDefaultAutoScalingConfiguration({ AutoScalingConfigurationArn: chosen?.AutoScalingConfigurationArn })
    notify('success', `New services have configuration ${name}.`)
    list.reload()
  }
  const done = () => {
    setAsked(undefined)
    list.reload()
  }
  return (
    <>
      <Listing
        title="Auto scaling configurations"
        description="How many requests an instance gets at once, and how many instances a service may have."
        what="auto scaling configurations"
        data={list}
        columns={columns(follow)}
        id={(c) => c.AutoScalingConfigurationArn ?? ''}
        texts={(c) => [c.AutoScalingConfigurationName]}
        selected={chosen}
        select={(c) => setChosen(c?.AutoScalingConfigurationArn)}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <ButtonDropdown
              disabled={!chosen}
              items={[
                { id: 'default', text: 'Set as default', disabled: chosen?.IsDefault },
                { id: 'delete', text: 'Delete' },
              ]}
              onItemClick={({ detail }) => setAsked(detail.id === 'delete' ? 'delete' : 'default')}
            >
              Actions
            </ButtonDropdown>
            <Button variant="primary" onClick={() => setAsked('create')}>
              Create
            </Button>
          </SpaceBetween>
        }
      />
      {asked === 'create' && <ScalingForm close={done} />}
      {asked === 'delete' && (
        <Confirm title={`Delete ${name}?`} verb="Delete" action={remove} close={done}>
          <Box>All its revisions are deleted. One that a service uses, and the default, are not.</Box>
        </Confirm>
      )}
      {asked === 'default' && (
        <Confirm title={`Set ${name} as default?`} verb="Set as default" action={makeDefault} close={done}>
          <Box>Services that are created without a configuration get its latest revision.</Box>
        </Confirm>
      )}
    </>
  )
}
