import { useState } from 'react'
import Alert from '@cloudscape-design/components/alert'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import FormField from '@cloudscape-design/components/form-field'
import Modal from '@cloudscape-design/components/modal'
import Select from '@cloudscape-design/components/select'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { messageOf } from '../api/error'
import { ecr } from '../api/ecr'
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
    <Modal
      visible
      header="Select Amazon ECR container image"
      onDismiss={close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              Cancel
            </Button>
            <Button variant="primary" disabled={!tag} onClick={() => choose(`${uri}:${tag}`)}>
              Continue
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
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
    </Modal>
  )
}
