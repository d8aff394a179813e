import { useState } from 'react'
import type { ObservabilityConfigurationSummary } from '@aws-sdk/client-apprunner'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { TableProps } from '@cloudscape-design/components/table'
import { apprunner } from '../../api/apprunner'
import { listObservability } from '../../api/observability'
import { Confirm } from '../../components/Confirm'
import { Listing } from '../../components/Listing'
import { TextField } from '../../components/TextField'
import { useData } from '../../hooks/useData'
import { useTitle } from '../../hooks/useTitle'

type Row = ObservabilityConfigurationSummary

const columns: TableProps.ColumnDefinition<Row>[] = [
  { id: 'name', header: 'Configuration name', isRowHeader: true, cell: (c) => c.ObservabilityConfigurationName },
  { id: 'revision', header: 'Latest revision', cell: (c) => c.ObservabilityConfigurationRevision },
  { id: 'arn', header: 'ARN', cell: (c) => c.ObservabilityConfigurationArn },
]

export default function ObservabilityConfigurations() {
  useTitle('Observability configurations')
  const list = useData('observability configurations', listObservability)
  const [arn, setARN] = useState<string>()
  const [name, setName] = useState('')
  const [asked, setAsked] = useState<'create' | 'delete'>()
  const chosen = list.data?.find((c) => c.ObservabilityConfigurationArn === arn)
  const done = () => {
    setAsked(undefined)
    list.reload()
  }
  const create = async () => {
    await apprunner().createObservabilityConfiguration({ ObservabilityConfigurationName: name, TraceConfiguration: { Vendor: 'AWSXRAY' } })
  }
  const remove = async () => {
    await apprunner().deleteObservabilityConfiguration({ ObservabilityConfigurationArn: arn })
  }
  return (
    <>
      <Listing
        title="Observability configurations"
        description="Which traces services send. They go to the collector that observability.otlp-endpoint names."
        what="observability configurations"
        data={list}
        columns={columns}
        id={(c) => c.ObservabilityConfigurationArn ?? ''}
        texts={(c) => [c.ObservabilityConfigurationName]}
        selected={chosen}
        select={(c) => setARN(c?.ObservabilityConfigurationArn)}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button disabled={!chosen} onClick={() => setAsked('delete')}>
              Delete
            </Button>
            <Button variant="primary" onClick={() => setAsked('create')}>
              Create
            </Button>
          </SpaceBetween>
        }
      />
      {asked === 'create' && (
        <Confirm title="Create observability configuration" verb="Create" disabled={!name} action={create} close={done}>
          <TextField label="Configuration name" value={name} onChange={setName} hint="4 to 32 letters, digits, hyphens and underscores. A name that is there gets another revision." />
        </Confirm>
      )}
      {asked === 'delete' && (
        <Confirm title={`Delete ${chosen?.ObservabilityConfigurationName ?? ''}?`} verb="Delete" action={remove} close={done}>
          <Box>One that a service uses is not deleted.</Box>
        </Confirm>
      )}
    </>
  )
}
