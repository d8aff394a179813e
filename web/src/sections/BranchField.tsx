import Autosuggest from '@cloudscape-design/components/autosuggest'
import FormField from '@cloudscape-design/components/form-field'
import { connections, type Connection } from '../api/connections'
import { useData } from '../hooks/useData'
import type { Section } from '../wizard/draft'

interface Props extends Section {
  connection: Connection | undefined
}

export function BranchField({ draft, errors, change, connection }: Props) {
  const name = connection?.Status === 'AVAILABLE' ? connection.Name : ''
  const found = useData(
    `branches of ${name} ${draft.repository}`,
    () => (name && draft.repository ? connections.branches(name, draft.repository).catch(() => ({ Items: [] })) : Promise.resolve({ Items: [] })),
    { live: false },
  )
  return (
    <FormField label="Branch" errorText={errors.branch}>
      <Autosuggest
        value={draft.branch}
        options={(found.data?.Items ?? []).map((value) => ({ value }))}
        statusType={found.loading ? 'loading' : 'finished'}
        enteredTextLabel={(value) => `Use: ${value}`}
        empty="Type the name of a branch."
        disabled={!draft.repository}
        onChange={({ detail }) => change({ branch: detail.value })}
        ariaLabel="Branch"
      />
    </FormField>
  )
}
