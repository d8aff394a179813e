import { useState } from 'react'
import Button from '@cloudscape-design/components/button'
import Container from '@cloudscape-design/components/container'
import FormField from '@cloudscape-design/components/form-field'
import Header from '@cloudscape-design/components/header'
import Select from '@cloudscape-design/components/select'
import { listScaling } from '../api/scaling'
import { useData } from '../hooks/useData'
import { ScalingForm } from '../pages/autoscaling/ScalingForm'
import type { Section } from '../wizard/draft'

export function Scaling({ draft, change }: Section) {
  const [creating, setCreating] = useState(false)
  const list = useData('scaling configurations', () => listScaling(true))
  const options = (list.data ?? []).map((c) => ({
    value: c.AutoScalingConfigurationArn,
    label: `${c.AutoScalingConfigurationName ?? ''}, revision ${c.AutoScalingConfigurationRevision ?? ''}`,
    labelTag: c.IsDefault ? 'default' : undefined,
  }))
  const standard = options.find((option) => option.labelTag)
  const chosen = options.find((option) => option.value === draft.scaling)
  const other = draft.scaling && !chosen ? { value: draft.scaling, label: draft.scaling.split('/').slice(1, 3).join(', revision ') } : undefined
  return (
    <Container header={<Header variant="h2">Auto scaling</Header>}>
      <FormField
        label="Auto scaling configuration"
        description="How many requests an instance gets at once, and how many instances there may be."
        secondaryControl={<Button onClick={() => setCreating(true)}>Create new</Button>}
      >
        <Select
          statusType={list.loading ? 'loading' : 'finished'}
          selectedOption={chosen ?? other ?? standard ?? null}
          options={options}
          onChange={({ detail }) => change({ scaling: detail.selectedOption.value ?? '' })}
        />
      </FormField>
      {creating && (
        <ScalingForm
          close={(made) => {
            setCreating(false)
            list.reload()
            if (made) change({ scaling: made.AutoScalingConfigurationArn ?? '' })
          }}
        />
      )}
    </Container>
  )
}
