import { useState } from 'react'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import FormField from '@cloudscape-design/components/form-field'
import Modal from '@cloudscape-design/components/modal'
import SpaceBetween from '@cloudscape-design/components/space-between'
import Textarea from '@cloudscape-design/components/textarea'
import { parseDotenv, type Pair } from '../lib/dotenv'

interface Props {
  add: (pairs: Pair[]) => void
  close: () => void
}

export function PasteDotenv({ add, close }: Props) {
  const [text, setText] = useState('')
  const { pairs, problems } = parseDotenv(text)
  return (
    <Modal
      visible
      header="Paste a .env file"
      onDismiss={close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              Cancel
            </Button>
            <Button variant="primary" disabled={pairs.length === 0 || problems.length > 0} onClick={() => add(pairs)}>
              {pairs.length === 1 ? 'Add 1 variable' : `Add ${pairs.length} variables`}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <FormField label="The file's text" description="A variable that is there already gets the value of the file." errorText={problems.join(' ')} stretch>
        <Textarea value={text} rows={12} spellcheck={false} placeholder={'NAME=value\nOTHER="two words"'} onChange={({ detail }) => setText(detail.value)} />
      </FormField>
    </Modal>
  )
}
