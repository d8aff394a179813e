import SpaceBetween from '@cloudscape-design/components/space-between'
import { session } from '../api/session'
import { Fold } from '../components/Fold'
import { Optional } from '../components/Optional'
import { TextField } from '../components/TextField'
import type { Section } from '../wizard/draft'

interface Props extends Section {
  fixed?: boolean // the service is there, and encrypted
}

export function Security({ draft, errors, change, fixed }: Props) {
  return (
    <Fold
     
      title="Security"
      description={draft.instanceRole ? 'An instance role' : 'No instance role'}
      open={Boolean(errors.instanceRole ?? errors.kmsKey)}
    >
      <SpaceBetween size="l">
        <TextField
          label={<Optional>Instance role</Optional>}
          description="What the application may do, and read secrets as."
          placeholder={`arn:aws:iam::${session().about.account}:role/NAME`}
          value={draft.instanceRole}
          error={errors.instanceRole}
          onChange={(instanceRole) => change({ instanceRole })}
        />
        {!fixed && (
          <TextField
            label={<Optional>KMS key</Optional>}
            description="That what is stored of the service is encrypted with. Empty for the key of this Slipway."
            placeholder="arn:aws:kms:…:key/…"
            value={draft.kmsKey}
            error={errors.kmsKey}
            onChange={(kmsKey) => change({ kmsKey })}
          />
        )}
      </SpaceBetween>
    </Fold>
  )
}
