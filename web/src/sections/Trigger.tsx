import Container from '@cloudscape-design/components/container'
import FormField from '@cloudscape-design/components/form-field'
import Header from '@cloudscape-design/components/header'
import RadioGroup from '@cloudscape-design/components/radio-group'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { Section } from '../wizard/draft'
import { AccessRole } from './AccessRole'

export function Trigger(section: Section) {
  const { draft, change } = section
  const never = draft.kind === 'image' && draft.provider === 'ECR_PUBLIC'
  const what = draft.kind === 'image' ? 'Each image that is pushed under this tag deploys.' : 'Each push to this branch deploys.'
  return (
    <Container header={<Header variant="h2">Deployment settings</Header>}>
      <SpaceBetween size="l">
        <FormField label="Deployment trigger">
          <RadioGroup
            value={draft.automatic && !never ? 'automatic' : 'manual'}
            onChange={({ detail }) => change({ automatic: detail.value === 'automatic' })}
            items={[
              { value: 'manual', label: 'Manual', description: 'You start each deployment yourself.' },
              { value: 'automatic', label: 'Automatic', description: never ? 'Images of Amazon ECR Public are not watched.' : what, disabled: never },
            ]}
          />
        </FormField>
        {draft.kind === 'image' && draft.provider === 'ECR' && <AccessRole {...section} />}
      </SpaceBetween>
    </Container>
  )
}
