import FormField from '@cloudscape-design/components/form-field'
import Select from '@cloudscape-design/components/select'
import SpaceBetween from '@cloudscape-design/components/space-between'
import Toggle from '@cloudscape-design/components/toggle'
import { listObservability } from '../api/observability'
import { Fold } from '../components/Fold'
import { useData } from '../hooks/useData'
import type { Section } from '../wizard/draft'

export function Observability({ draft, change }: Section) {
  const list = useData('observability configurations', listObservability)
  const options = (list.data ?? []).map((c) => ({
    value: c.ObservabilityConfigurationArn,
    label: `${c.ObservabilityConfigurationName ?? ''}, revision ${c.ObservabilityConfigurationRevision ?? ''}`,
  }))
  return (
    <Fold title="Observability" description={draft.tracing ? 'Tracing is on' : 'Tracing is off'}>
      <SpaceBetween size="l">
        <FormField label="Tracing" description="Instances can send traces to their own port 4317; Slipway passes them on to the configured collector.">
          <Toggle
            checked={draft.tracing}
            onChange={({ detail }) => change({ tracing: detail.checked, observability: detail.checked ? (options[0]?.value ?? '') : '' })}
          >
            Send traces
          </Toggle>
        </FormField>
        {draft.tracing && (
          <FormField label="Observability configuration">
            <Select
              placeholder="Choose a configuration"
              empty="There is none: make one on the page Observability configurations."
              selectedOption={options.find(({ value }) => value === draft.observability) ?? null}
              options={options}
              onChange={({ detail }) => change({ observability: detail.selectedOption.value ?? '' })}
            />
          </FormField>
        )}
      </SpaceBetween>
    </Fold>
  )
}
