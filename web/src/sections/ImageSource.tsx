import { useState } from 'react'
import Button from '@cloudscape-design/components/button'
import FormField from '@cloudscape-design/components/form-field'
import Input from '@cloudscape-design/components/input'
import SpaceBetween from '@cloudscape-design/components/space-between'
import Tiles from '@cloudscape-design/components/tiles'
import type { Draft, Section } from '../wizard/draft'
import { ChooseImage } from './ChooseImage'

export function ImageSource({ draft, errors, change }: Section) {
  const [browsing, setBrowsing] = useState(false)
  return (
    <SpaceBetween size="l">
      <FormField label="Provider" stretch>
        <Tiles
            columns={3}
          value={draft.provider}
          onChange={({ detail }) => change({ provider: detail.value as Draft['provider'] })}
          items={[
            { value: 'ECR', label: 'Amazon ECR', description: "This Slipway's registry, or a private one in AWS." },
            { value: 'ECR_PUBLIC', label: 'Amazon ECR Public', description: 'An image that everybody may read.' },
            { value: 'OTHER', label: 'Any registry', description: 'Docker Hub, GitHub, or one of your own.' },
          ]}
        />
      </FormField>
      <FormField
        label="Container image URI"
        errorText={errors.image}
        constraintText={{
          ECR: 'REPOSITORY:TAG with the registry in front. Browse shows what is in this Slipway.',
          ECR_PUBLIC: 'public.ecr.aws/ALIAS/REPOSITORY:TAG',
          OTHER: 'REGISTRY/REPOSITORY:TAG, such as docker.io/library/nginx:1.29',
        }[draft.provider]}
        secondaryControl={draft.provider === 'ECR' && <Button onClick={() => setBrowsing(true)}>Browse</Button>}
      >
        <Input value={draft.image} onChange={({ detail }) => change({ image: detail.value })} name="image" spellcheck={false} autoComplete={false} />
      </FormField>
      {browsing && (
        <ChooseImage
          choose={(image) => change({ image })}
          close={() => setBrowsing(false)}
        />
      )}
    </SpaceBetween>
  )
}
