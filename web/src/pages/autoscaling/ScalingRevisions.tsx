import { useState } from 'react'
import type { AutoScalingConfiguration } from '@aws-sdk/client-apprunner'
import Badge from '@cloudscape-design/components/badge'
import Button from '@cloudscape-design/components/button'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { TableProps } from '@cloudscape-design/components/table'
import { apprunner } from '../../api/apprunner'
import { messageOf } from '../../api/error'
import { listScaling } from '../../api/scaling'
import { Crumbs } from '../../components/Crumbs'
import { Listing } from '../../components/Listing'
import { useData } from '../../hooks/useData'
import { useTitle } from '../../hooks/useTitle'
import { when } from '../../lib/format'
import { notify } from '../../lib/notify'
import { ScalingForm } from './ScalingForm'
import { ScalingUsers } from './ScalingUsers'

type Row = AutoScalingConfiguration

const columns: TableProps.ColumnDefinition<Row>[] = [
  { id: 'revision', header: 'Revision', isRowHeader: true, cell: (c) => c.AutoScalingConfigurationRevision },
  { id: 'concurrency', header: 'Concurrency', cell: (c) => c.MaxConcurrency },
  { id: 'min', header: 'Minimum size', cell: (c) => c.MinSize },
  { id: 'max', header: 'Maximum size', cell: (c) => c.MaxSize },
  { id: 'default', header: 'Default', cell: (c) => (c.IsDefault ? <Badge color="blue">Default</Badge> : '–') },
  { id: 'created', header: 'Created', cell: (c) => when(c.CreatedAt) },
]

async function revisionsOf(name: string): Promise<Row[]> {
  const found = await listScaling(false, name)
  const all = await Promise.all(
    found.map(({ AutoScalingConfigurationArn }) => apprunner().describeAutoScalingConfiguration({ AutoScalingConfigurationArn })),
  )
  return all.flatMap(({ AutoScalingConfiguration }) => AutoScalingConfiguration ?? [])
}

export default function ScalingRevisions({ name }: { name: string }) {
  useTitle(name)
  const list = useData(`revisions of ${name}`, () => revisionsOf(name))
  const [chosenARN, setChosen] = useState<string>()
  const [creating, setCreating] = useState(false)
  const chosen = list.data?.find((c) => c.AutoScalingConfigurationArn === chosenARN)
  const remove = async () => {
    try {
      await apprunner().deleteAutoScalingConfiguration({ AutoScalingConfigurationArn: chosenARN })
      notify('success', `Revision ${chosen?.AutoScalingConfigurationRevision ?? ''} of ${name} was deleted.`)
      list.reload()
    } catch (error) {
      notify('error', messageOf(error))
    }
  }
  return (
    <SpaceBetween size="l">
      <Crumbs items={[{ text: 'Auto scaling configurations', href: '/autoscaling' }, { text: name, href: `/autoscaling/${name}` }]} />
      <Listing
        title={name}
        what="revisions"
        data={list}
        columns={columns}
        id={(c) => c.AutoScalingConfigurationArn ?? ''}
        texts={(c) => [String(c.AutoScalingConfigurationRevision)]}
        selected={chosen}
        select={(c) => setChosen(c?.AutoScalingConfigurationArn)}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button disabled={!chosen} onClick={() => void remove()}>
              Delete revision
            </Button>
            <Button variant="primary" onClick={() => setCreating(true)}>
              Create revision
            </Button>
          </SpaceBetween>
        }
      />
      {chosen && <ScalingUsers arn={chosen.AutoScalingConfigurationArn ?? ''} />}
      {creating && (
        <ScalingForm
          of={chosen ?? list.data?.[0]}
          close={() => {
            setCreating(false)
            list.reload()
          }}
        />
      )}
    </SpaceBetween>
  )
}
