import { useState } from 'react'
import Box from '@cloudscape-design/components/box'
import FormField from '@cloudscape-design/components/form-field'
import Select from '@cloudscape-design/components/select'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { when, words } from '../../../lib/format'
import type { View } from '../view'
import { LogView } from './LogView'

const deploys = new Set(['CREATE_SERVICE', 'UPDATE_SERVICE', 'START_DEPLOYMENT', 'RESUME_SERVICE'])

export function DeploymentLogs({ service, operations }: View) {
  const [chosen, setChosen] = useState<string>()
  const options = operations
    .filter((operation) => deploys.has(operation.type))
    .map((operation) => ({
      value: operation.id,
      label: `${words(operation.type)}, ${when(operation.startedAt)}`,
      description: words(operation.status),
    }))
  const selected = options.find((option) => option.value === chosen) ?? options[0]
  if (!selected) return <Box>Nothing was deployed yet.</Box>
  return (
    <SpaceBetween size="m">
      <FormField label="Deployment">
        <Select selectedOption={selected} options={options} filteringType="auto" onChange={({ detail }) => setChosen(detail.selectedOption.value)} />
      </FormField>
      <LogView key={selected.value} service={service.ServiceName ?? ''} stream={`deployment/${selected.value}`} label="the deployment log" />
    </SpaceBetween>
  )
}
