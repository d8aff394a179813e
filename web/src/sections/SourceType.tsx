import Container from '@cloudscape-design/components/container'
import FormField from '@cloudscape-design/components/form-field'
import Header from '@cloudscape-design/components/header'
import SpaceBetween from '@cloudscape-design/components/space-between'
import Tiles from '@cloudscape-design/components/tiles'
import type { Draft, Section } from '../wizard/draft'
import { CodeSource } from './CodeSource'
import { FolderSource } from './FolderSource'
import { ImageSource } from './ImageSource'

export function SourceType(section: Section) {
  const { draft, change } = section
  const choose = (kind: Draft['kind']) =>
    // What was chosen of another kind of source does not fit this one.
    change({ kind, repository: '', branch: '', connection: '', configuration: kind === 'image' ? 'API' : draft.configuration })
  return (
    <Container header={<Header variant="h2">Source</Header>}>
      <SpaceBetween size="l">
        <FormField label="Repository type" stretch>
          <Tiles
            columns={3}
            value={draft.kind}
            onChange={({ detail }) => choose(detail.value as Draft['kind'])}
            items={[
              { value: 'image', label: 'Container registry', description: 'Deploy an image that is built already.' },
              { value: 'code', label: 'Source code repository', description: 'Build and deploy a branch at a Git host.' },
              { value: 'folder', label: 'Upload a folder', description: 'Build and deploy files of this computer.' },
            ]}
          />
        </FormField>
        {draft.kind === 'image' && <ImageSource {...section} />}
        {draft.kind === 'code' && <CodeSource {...section} />}
        {draft.kind === 'folder' && <FolderSource {...section} />}
      </SpaceBetween>
    </Container>
  )
}
