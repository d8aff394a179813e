import ColumnLayout from '@cloudscape-design/components/column-layout'
import Container from '@cloudscape-design/components/container'
import FormField from '@cloudscape-design/components/form-field'
import Header from '@cloudscape-design/components/header'
import Select from '@cloudscape-design/components/select'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { Optional } from '../components/Optional'
import { TextField } from '../components/TextField'
import { memory, virtualCPU } from '../lib/format'
import type { Section } from '../wizard/draft'
import { sizes } from '../wizard/sizes'
import { Environment } from './Environment'

interface Props extends Section {
  fixed?: boolean // the service is there, and has its name
}

export function ServiceSettings({ fixed, ...section }: Props) {
  const { draft, errors, change } = section
  const memories = sizes[draft.cpu] ?? []
  return (
    <Container header={<Header variant="h2">Service settings</Header>}>
      <SpaceBetween size="l">
        {!fixed && (
          <TextField
            label="Service name"
            name="name"
            value={draft.name}
            error={errors.name}
            hint="4 to 40 letters, digits, hyphens and underscores."
            onChange={(name) => change({ name })}
          />
        )}
        <ColumnLayout columns={2}>
          <FormField label="Virtual CPU">
            <Select
              selectedOption={{ value: draft.cpu, label: virtualCPU(draft.cpu) }}
              options={Object.keys(sizes).map((value) => ({ value, label: virtualCPU(value) }))}
              onChange={({ detail }) => {
                const cpu = detail.selectedOption.value ?? draft.cpu
                const fits = sizes[cpu] ?? []
                change({ cpu, memory: fits.includes(draft.memory) ? draft.memory : (fits[0] ?? draft.memory) })
              }}
            />
          </FormField>
          <FormField label="Virtual memory" errorText={errors.memory}>
            <Select
              selectedOption={{ value: draft.memory, label: memory(draft.memory) }}
              options={memories.map((value) => ({ value, label: memory(value) }))}
              onChange={({ detail }) => change({ memory: detail.selectedOption.value ?? draft.memory })}
            />
          </FormField>
        </ColumnLayout>
        <Environment {...section} />
        {draft.kind === 'image' && (
          <>
            <TextField
              label="Port"
              description="That the application listens at. It also gets it as the variable PORT."
              mode="numeric"
              value={draft.port}
              error={errors.port}
              onChange={(port) => change({ port })}
            />
            <TextField
              label={<Optional>Start command</Optional>}
              description="Instead of the one in the image."
              value={draft.startCommand}
              error={errors.startCommand}
              onChange={(startCommand) => change({ startCommand })}
            />
          </>
        )}
      </SpaceBetween>
    </Container>
  )
}
