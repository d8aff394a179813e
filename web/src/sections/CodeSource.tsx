import { useState } from 'react'
import Button from '@cloudscape-design/components/button'
import FormField from '@cloudscape-design/components/form-field'
import Select from '@cloudscape-design/components/select'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { TextField } from '../components/TextField'
import { connections } from '../api/connections'
import { useData } from '../hooks/useData'
import { words } from '../lib/format'
import { AddConnection } from '../pages/connections/AddConnection'
import { noConnection, type Section } from '../wizard/draft'
import { RepositoryField } from './RepositoryField'
import { BranchField } from './BranchField'

const none = { value: noConnection, label: 'None', description: 'For a public repository' }

export function CodeSource(section: Section) {
  const { draft, errors, change } = section
  const [adding, setAdding] = useState(false)
  const list = useData('connections', connections.list)
  const chosen = list.data?.find((connection) => connection.Arn === draft.connection)
  return (
    <SpaceBetween size="l">
      <FormField
        label="Connection"
        description="An account or an organization at a Git host, and how Slipway may read there."
        errorText={errors.connection ?? (chosen && chosen.Status !== 'AVAILABLE' && `This connection is ${chosen.Status}: complete its handshake on the page Connected accounts.`)}
        secondaryControl={<Button onClick={() => setAdding(true)}>Add new</Button>}
      >
        <Select
          placeholder="Choose a connection"
          statusType={list.loading ? 'loading' : 'finished'}
          selectedOption={chosen ? { value: chosen.Arn, label: chosen.Name } : draft.connection === noConnection ? none : null}
          options={[
            ...(list.data ?? []).map((c) => ({
              value: c.Arn,
              label: c.Name,
              description: [words(c.Provider), c.Account, words(c.Status)].filter(Boolean).join(', '),
            })),
            none,
          ]}
          onChange={({ detail }) => change({ connection: detail.selectedOption.value ?? '', repository: '', branch: '' })}
        />
      </FormField>
      <RepositoryField {...section} connection={chosen} />
      <BranchField {...section} connection={chosen} />
      <TextField
        label="Source directory"
        description="Where the application is in the repository. Only changes in it deploy."
        value={draft.directory}
        error={errors.directory}
        onChange={(directory) => change({ directory })}
      />
      {adding && (
        <AddConnection
          close={(made) => {
            setAdding(false)
            list.reload()
            if (made) change({ connection: made.Arn, repository: '', branch: '' })
          }}
        />
      )}
    </SpaceBetween>
  )
}
