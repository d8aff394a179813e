import FormField from '@cloudscape-design/components/form-field'
import Input from '@cloudscape-design/components/input'
import Select from '@cloudscape-design/components/select'
import { messageOf } from '../api/error'
import { connections, type Connection } from '../api/connections'
import { useData } from '../hooks/useData'
import { noConnection, type Section } from '../wizard/draft'

interface Props extends Section {
  connection: Connection | undefined
}

// RepositoryField offers what a connection can read. Where a host cannot list, the URL is typed.
export function RepositoryField({ draft, errors, change, connection }: Props) {
  const listed = connection?.Status === 'AVAILABLE' && connection.Method !== 'deploy-key' && connection.Method !== 'public'
  const found = useData(`repositories of ${listed ? connection.Name : ''}`, () => (listed ? connections.repositories(connection.Name) : Promise.resolve({ Items: [] })), { live: false })
  const label = 'Repository'
  if (draft.connection === noConnection || (connection && !listed)) {
    return (
      <FormField label={label} constraintText="The URL of the repository, as for git clone: https://…" errorText={errors.repository}>
        <Input value={draft.repository} onChange={({ detail }) => change({ repository: detail.value })} spellcheck={false} autoComplete={false} />
      </FormField>
    )
  }
  const repositories = found.data?.Items ?? []
  const chosen = repositories.find((repository) => repository.Url === draft.repository)
  return (
    <FormField label={label} errorText={errors.repository ?? (found.error !== undefined && messageOf(found.error))}>
      <Select
        placeholder="Choose a repository"
        empty="The connection reads no repository."
        filteringType="auto"
        disabled={!connection}
        statusType={connection && found.loading ? 'loading' : 'finished'}
        selectedOption={draft.repository ? { value: draft.repository, label: chosen?.Name ?? draft.repository } : null}
        options={repositories.map((r) => ({ value: r.Url, label: r.Name, description: r.Url, labelTag: r.Private ? 'private' : undefined }))}
        onChange={({ detail }) => {
          const repository = repositories.find((r) => r.Url === detail.selectedOption.value)
          change({ repository: repository?.Url ?? '', branch: repository?.DefaultBranch ?? '' })
        }}
      />
    </FormField>
  )
}
