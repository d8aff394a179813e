import { useState } from 'react'
import Alert from '@cloudscape-design/components/alert'
import FormField from '@cloudscape-design/components/form-field'
import Select from '@cloudscape-design/components/select'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { messageOf } from '../api/error'
import { ecr } from '../api/ecr'
import { Confirm } from '../components/Confirm'
import { useData } from '../hooks/useData'

// What services were built to is in the registry too.
const builds = 'slipway/builds/'

interface Props {
  choose: (image: string) => void
  close: () => void
}

// ChooseImage finds an image in the embedded registry.
export function ChooseImage({ choose, close }: Props) {
  const [repository, setRepository] = useState('')
  const [tag, setTag] = useState('')
  const repositories = useData('repositories', ecr.repositories)
  const images = useData(`images of ${repository}`, () => (repository ? ecr.images(repository) : Promise.resolve([])))
  const tags = (images.data ?? []).flatMap((image) => image.imageTags ?? []).sort()
  const uri = repositories.data?.find((r) => r.repositoryName === repository)?.repositoryUri ?? ''
  const error = repositories.error ?? images.error
  return (
    <Confirm title="Select Amazon ECR container image" verb="Continue" disabled={!tag} action={() => choose(`${uri}:${tag}`)} close={close}>
      <SpaceBetween size="m">
        {error !== undefined && <Alert type="error">{messageOf(error)}</Alert>}
        <FormField label="Image repository">
          <Select
            placeholder="Choose a repository"
            empty="There is no repository yet. Push an image first: the page Repositories shows how."
            filteringType="auto"
            statusType={repositories.loading ? 'loading' : 'finished'}
            selectedOption={repository ? { value: repository, label: repository } : null}
            options={(repositories.data ?? []).filter(({ repositoryName }) => !repositoryName?.startsWith(builds)).map((r) => ({ value: r.repositoryName, label: r.repositoryName }))}
            onChange={({ detail }) => {
              setRepository(detail.selectedOption.value ?? '')
              setTag('')
            }}
          />
        </FormField>
        <FormField label="Image tag">
          <Select
            placeholder="Choose a tag"
            empty="No image here has a tag."
            filteringType="auto"
            disabled={!repository}
            statusType={images.loading ? 'loading' : 'finished'}
            selectedOption={tag ? { value: tag, label: tag } : null}
            options={tags.map((name) => ({ value: name, label: name }))}
            onChange={({ detail }) => setTag(detail.selectedOption.value ?? '')}
          />
        </FormField>
      </SpaceBetween>
    </Confirm>
  )
}
