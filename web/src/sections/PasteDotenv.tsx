import { useState } from 'react'
import FormField from '@cloudscape-design/components/form-field'
import Textarea from '@cloudscape-design/components/textarea'
import { Confirm } from '../components/Confirm'
import { parseDotenv, type Pair } from '../lib/dotenv'

interface Props {
  add: (pairs: Pair[]) => void
  close: () => void
}

export function PasteDotenv({ add, close }: Props) {
  const [text, setText] = useState('')
  const { pairs, problems } = parseDotenv(text)
  return (
    <Confirm
      title="Paste a .env file"
      verb={pairs.length === 1 ? 'Add 1 variable' : `Add ${pairs.length} variables`}
      disabled={pairs.length === 0 || problems.length > 0}
      action={() => add(pairs)}
      close={close}
    >
      <FormField label="The file's text" description="A variable that is there already gets the value of the file." errorText={problems.join(' ')} stretch>
        <Textarea value={text} rows={12} spellcheck={false} placeholder={'NAME=value\nOTHER="two words"'} onChange={({ detail }) => setText(detail.value)} />
      </FormField>
    </Confirm>
  )
}
