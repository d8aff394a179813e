import type { ReactNode } from 'react'
import FormField from '@cloudscape-design/components/form-field'
import Input from '@cloudscape-design/components/input'

interface Props {
  label: ReactNode
  value: string
  onChange: (value: string) => void
  error?: string
  description?: ReactNode
  hint?: ReactNode
  placeholder?: string
  type?: 'text' | 'number' | 'password'
  mode?: 'numeric'
  disabled?: boolean
  name?: string
}

// TextField is a line of text with its label and what is wrong with it.
export function TextField({ label, value, onChange, error, description, hint, placeholder, type = 'text', mode, disabled, name }: Props) {
  return (
    <FormField label={label} description={description} constraintText={hint} errorText={error}>
      <Input
        value={value}
        onChange={({ detail }) => onChange(detail.value)}
        placeholder={placeholder}
        type={type}
        inputMode={mode}
        disabled={disabled}
        name={name}
        spellcheck={false}
        autoComplete={false}
      />
    </FormField>
  )
}
