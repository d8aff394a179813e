import ColumnLayout from '@cloudscape-design/components/column-layout'
import FormField from '@cloudscape-design/components/form-field'
import Select from '@cloudscape-design/components/select'
import { Fold } from '../components/Fold'
import { TextField } from '../components/TextField'
import type { Section } from '../wizard/draft'
import { options, type Option } from '../wizard/options'

// Options are the form fields of the tags that begin with slipway:.
export function Options({ draft, errors, change }: Section) {
  const set = Object.values(draft.options).filter((value) => value.trim() !== '').length
  const put = (tag: string, value: string) => change({ options: { ...draft.options, [tag]: value } })
  return (
    <Fold
     
      title="Beyond App Runner"
      description={set === 0 ? 'Everything as App Runner does it' : `${set} ${set === 1 ? 'option' : 'options'} set`}
      open={options.some(({ tag }) => errors[tag] !== undefined)}
    >
      <ColumnLayout columns={2}>
        {options.map((option) => (
          <OptionField key={option.tag} option={option} value={draft.options[option.tag] ?? ''} error={errors[option.tag]} put={put} />
        ))}
      </ColumnLayout>
    </Fold>
  )
}

interface Props {
  option: Option
  value: string
  error: string | undefined
  put: (tag: string, value: string) => void
}

function OptionField({ option, value, error, put }: Props) {
  const { tag, label, description, choices, placeholder } = option
  if (!choices) return <TextField label={label} description={description} placeholder={placeholder} value={value} error={error} onChange={(text) => put(tag, text)} />
  return (
    <FormField label={label} description={description} errorText={error}>
      <Select
        selectedOption={choices.find((choice) => choice.value === value) ?? { value, label: value }}
        options={choices}
        onChange={({ detail }) => put(tag, detail.selectedOption.value ?? '')}
      />
    </FormField>
  )
}
