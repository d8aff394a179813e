import ColumnLayout from '@cloudscape-design/components/column-layout'
import FormField from '@cloudscape-design/components/form-field'
import Select from '@cloudscape-design/components/select'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { Fold } from '../components/Fold'
import { TextField } from '../components/TextField'
import type { Field, Section } from '../wizard/draft'

const protocols = [
  { value: 'TCP', label: 'TCP', description: 'Healthy is what takes a connection.' },
  { value: 'HTTP', label: 'HTTP', description: 'Healthy is what answers a request with a status from 200 to 399.' },
]

const wrong = (errors: Section['errors'], fields: Field[]) => fields.some((field) => errors[field] !== undefined)

export function HealthCheck({ draft, errors, change }: Section) {
  const number = (field: 'interval' | 'timeout' | 'healthy' | 'unhealthy', label: string, description: string) => (
    <TextField label={label} description={description} mode="numeric" value={draft[field]} error={errors[field]} onChange={(value) => change({ [field]: value })} />
  )
  return (
    <Fold
     
      title="Health check"
      description={`${draft.protocol}${draft.protocol === 'HTTP' ? ` ${draft.path}` : ''}, every ${draft.interval} s`}
      open={wrong(errors, ['path', 'interval', 'timeout', 'healthy', 'unhealthy'])}
    >
      <SpaceBetween size="l">
        <FormField label="Protocol">
          <Select
            selectedOption={protocols.find(({ value }) => value === draft.protocol) ?? null}
            options={protocols}
            onChange={({ detail }) => change({ protocol: detail.selectedOption.value === 'HTTP' ? 'HTTP' : 'TCP' })}
          />
        </FormField>
        {draft.protocol === 'HTTP' && (
          <TextField label="Path" description="That is asked for." value={draft.path} error={errors.path} onChange={(path) => change({ path })} />
        )}
        <ColumnLayout columns={2}>
          {number('interval', 'Interval', 'Seconds between two checks.')}
          {number('timeout', 'Timeout', 'Seconds that an answer may take.')}
          {number('healthy', 'Health threshold', 'Successes in a row that make an instance healthy.')}
          {number('unhealthy', 'Unhealthy threshold', 'Failures in a row that make it unhealthy.')}
        </ColumnLayout>
      </SpaceBetween>
    </Fold>
  )
}
