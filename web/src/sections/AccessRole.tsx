import { useState } from 'react'
import FormField from '@cloudscape-design/components/form-field'
import RadioGroup from '@cloudscape-design/components/radio-group'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { session } from '../api/session'
import { TextField } from '../components/TextField'
import type { Section } from '../wizard/draft'
import { needsRole } from '../wizard/validate'

const first = 'AppRunnerECRAccessRole'
const arnOf = (name: string) => (name ? `arn:aws:iam::${session().about.account}:role/service-role/${name}` : '')
const nameOf = (arn: string) => arn.slice(arn.lastIndexOf('/') + 1)

// AccessRole asks for the role that may pull from ECR. Slipway has no IAM: a new role is a new name.
export function AccessRole({ draft, errors, change }: Section) {
  const [fresh, setFresh] = useState(draft.accessRole === '')
  if (!needsRole(draft) && !draft.accessRole && !errors.accessRole) return null
  return (
    <SpaceBetween size="s">
      <FormField label="ECR access role" description="Gives App Runner the right to pull the image.">
        <RadioGroup
          value={fresh ? 'new' : 'existing'}
          onChange={({ detail }) => {
            setFresh(detail.value === 'new')
            if (detail.value === 'new') change({ accessRole: arnOf(first) })
          }}
          items={[
            { value: 'new', label: 'Create new service role' },
            { value: 'existing', label: 'Use existing service role' },
          ]}
        />
      </FormField>
      {fresh ? (
        <TextField
          label="Service role name"
          placeholder={first}
          value={nameOf(draft.accessRole)}
          error={errors.accessRole}
          onChange={(name) => change({ accessRole: arnOf(name) })}
        />
      ) : (
        <TextField
          label="Service role ARN"
          placeholder={arnOf(first)}
          value={draft.accessRole}
          error={errors.accessRole}
          onChange={(accessRole) => change({ accessRole })}
        />
      )}
    </SpaceBetween>
  )
}
