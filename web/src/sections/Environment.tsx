import { useState } from 'react'
import Alert from '@cloudscape-design/components/alert'
import AttributeEditor from '@cloudscape-design/components/attribute-editor'
import Autosuggest from '@cloudscape-design/components/autosuggest'
import Button from '@cloudscape-design/components/button'
import FormField from '@cloudscape-design/components/form-field'
import Input from '@cloudscape-design/components/input'
import Select from '@cloudscape-design/components/select'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { references } from '../api/secrets'
import { useData } from '../hooks/useData'
import type { Section, Variable } from '../wizard/draft'
import { looksSecret } from '../wizard/store'
import { PasteDotenv } from './PasteDotenv'

const sources = [
  { value: 'text', label: 'Plain text' },
  { value: 'secret', label: 'Secret', description: 'Of Secrets Manager or the Parameter Store' },
]

export function Environment({ draft, errors, change }: Section) {
  const [pasting, setPasting] = useState(false)
  const known = useData('references', references, { live: false })
  const { variables } = draft
  const set = (index: number, patch: Partial<Variable>) =>
    change({ variables: variables.map((variable, i) => (i === index ? { ...variable, ...patch } : variable)) })
  const open = variables.filter(({ from, name }) => from === 'text' && looksSecret(name)).map(({ name }) => name)
  return (
    <SpaceBetween size="s">
      <FormField label="Environment variables" description="What the application is told when it starts." />
      <AttributeEditor
        items={variables}
        addButtonText="Add environment variable"
        removeButtonText="Remove"
        removeButtonAriaLabel={(variable) => `Remove ${variable.name || 'the variable'}`}
        empty="None yet."
        onAddButtonClick={() => change({ variables: [...variables, { from: 'text', name: '', value: '' }] })}
        onRemoveButtonClick={({ detail }) => change({ variables: variables.filter((_, i) => i !== detail.itemIndex) })}
        additionalInfo={<Button onClick={() => setPasting(true)}>Paste a .env file</Button>}
        definition={[
          {
            label: 'Source',
            control: ({ from }, i) => (
              <Select
                ariaLabel="Source"
                selectedOption={sources.find(({ value }) => value === from) ?? null}
                options={sources}
                onChange={({ detail }) => set(i, { from: detail.selectedOption.value === 'secret' ? 'secret' : 'text', value: '' })}
              />
            ),
          },
          {
            label: 'Name',
            errorText: (_, i) => errors[`variables.${i}.name`],
            control: ({ name }, i) => (
              <Input ariaLabel="Name" value={name} spellcheck={false} autoComplete={false} onChange={({ detail }) => set(i, { name: detail.value })} />
            ),
          },
          {
            label: 'Value',
            errorText: (_, i) => errors[`variables.${i}.value`],
            control: ({ from, value }, i) =>
              from === 'text' ? (
                <Input ariaLabel="Value" value={value} spellcheck={false} autoComplete={false} onChange={({ detail }) => set(i, { value: detail.value })} />
              ) : (
                <Autosuggest
                  ariaLabel="ARN of the secret or the parameter"
                  placeholder="ARN"
                  value={value}
                  enteredTextLabel={(text) => `Use: ${text}`}
                  empty="No secret and no parameter is known. Type the ARN."
                  statusType={known.loading ? 'loading' : 'finished'}
                  options={(known.data ?? []).map(({ arn, name, kind }) => ({ value: arn, label: name, description: kind }))}
                  onChange={({ detail }) => set(i, { value: detail.value })}
                />
              ),
          },
        ]}
      />
      {open.length > 0 && (
        <Alert type="info">
          {open.join(', ')}: plain text is shown to everybody who may see the service. Keep passwords in Secrets Manager or the Parameter Store, and choose Secret as their source.
        </Alert>
      )}
      {pasting && (
        <PasteDotenv
          close={() => setPasting(false)}
          add={(pairs) => {
            const names = new Set(pairs.map(({ name }) => name))
            change({
              variables: [...variables.filter(({ name }) => name !== '' && !names.has(name)), ...pairs.map((pair): Variable => ({ from: 'text', ...pair }))],
            })
          }}
        />
      )}
    </SpaceBetween>
  )
}
