import { useRef, useState } from 'react'
import Alert from '@cloudscape-design/components/alert'
import Button from '@cloudscape-design/components/button'
import FormField from '@cloudscape-design/components/form-field'
import SpaceBetween from '@cloudscape-design/components/space-between'
import StatusIndicator from '@cloudscape-design/components/status-indicator'
import { pathOf, upload, type Uploaded } from '../api/source'
import { TextField } from '../components/TextField'
import { useAction } from '../hooks/useAction'
import { size } from '../lib/format'
import type { Section } from '../wizard/draft'
import { validate } from '../wizard/validate'

// nameOf makes the name of a service from that of a folder.
function nameOf(file: File | undefined): string {
  const folder = file?.webkitRelativePath.split('/')[0] ?? ''
  return folder.replace(/[^A-Za-z0-9_-]+/g, '-').replace(/^[-_]+|[-_]+$/g, '').slice(0, 40)
}

// FolderSource sends a folder to a repository of Slipway, from where it is built.
export function FolderSource({ draft, errors, change }: Section) {
  const input = useRef<HTMLInputElement>(null)
  const [files, setFiles] = useState<File[]>([])
  const [sent, setSent] = useState<Uploaded>()
  const run = useAction(async () => {
    const wrong = validate(draft, ['name']).name
    if (wrong) throw new Error(wrong)
    const done = await upload(draft.name, files)
    setSent(done)
    change({ repository: done.RepositoryUrl, branch: done.Branch, directory: '/' })
  })
  const chosen = files.filter((file) => pathOf(file) !== '')
  const bytes = chosen.reduce((sum, file) => sum + file.size, 0)
  const there = draft.repository !== '' && !sent
  return (
    <SpaceBetween size="l">
      <FormField label="Folder" description="Its .gitignore and .dockerignore count. .git and node_modules are not sent.">
        <SpaceBetween direction="horizontal" size="s" alignItems="center">
          <Button iconName="folder" onClick={() => input.current?.click()}>
            Choose a folder
          </Button>
          {chosen.length > 0 && <span>{`${chosen.length} files, ${size(bytes)}`}</span>}
        </SpaceBetween>
        <input
          ref={(element) => {
            input.current = element
            element?.setAttribute('webkitdirectory', '')
          }}
          type="file"
          multiple
          hidden
          aria-label="Folder"
          onChange={({ target }) => {
            const all = [...(target.files ?? [])]
            setFiles(all)
            setSent(undefined)
            change({ repository: '', branch: '', name: draft.name || nameOf(all[0]) })
          }}
        />
      </FormField>
      <TextField
        label="Service name"
        description="Slipway keeps the files under this name."
        value={draft.name}
        error={errors.name}
        onChange={(name) => change({ name, repository: '', branch: '' })}
      />
      <FormField errorText={errors.repository}>
        <SpaceBetween direction="horizontal" size="s" alignItems="center">
          <Button disabled={chosen.length === 0} loading={run.busy} onClick={run.run}>
            Upload
          </Button>
          {sent && <StatusIndicator type="success">{`${sent.Files} files, ${size(sent.Bytes)} are with Slipway.`}</StatusIndicator>}
          {there && <StatusIndicator type="success">The files that were uploaded are with Slipway.</StatusIndicator>}
        </SpaceBetween>
      </FormField>
      {run.error && <Alert type="error">{run.error}</Alert>}
      {sent?.LeftOut && <Alert type="info">Left out, since there is no .gitignore: {sent.LeftOut.join(', ')}</Alert>}
    </SpaceBetween>
  )
}
