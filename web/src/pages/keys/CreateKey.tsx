import { useState } from 'react'
import Alert from '@cloudscape-design/components/alert'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import FormField from '@cloudscape-design/components/form-field'
import Modal from '@cloudscape-design/components/modal'
import Select from '@cloudscape-design/components/select'
import SpaceBetween from '@cloudscape-design/components/space-between'
import Textarea from '@cloudscape-design/components/textarea'
import { keys, type Key } from '../../api/keys'
import { Command } from '../../components/Command'
import { Optional } from '../../components/Optional'
import { TextField } from '../../components/TextField'
import { useAction } from '../../hooks/useAction'
import { policies, textOf } from './policies'

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`The policy is not JSON: ${(error as Error).message}`, { cause: error })
  }
}

export function CreateKey({ close }: { close: () => void }) {
  const [name, setName] = useState('')
  const [start, setStart] = useState(policies[0])
  const [policy, setPolicy] = useState(textOf(policies[0]?.policy ?? {}))
  const [made, setMade] = useState<Key>()
  const create = useAction(async () => setMade(await keys.create(name.trim(), parse(policy))))
  return (
    <Modal
      visible
      header={made ? `Key ${made.Name} was created` : 'Create key'}
      onDismiss={close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            {made ? (
              <Button variant="primary" onClick={close}>
                Done
              </Button>
            ) : (
              <>
                <Button variant="link" onClick={close}>
                  Cancel
                </Button>
                <Button variant="primary" loading={create.busy} onClick={create.run}>
                  Create
                </Button>
              </>
            )}
          </SpaceBetween>
        </Box>
      }
    >
      {made ? (
        <SpaceBetween size="m">
          <Alert type="warning">The secret is shown now and never again.</Alert>
          <FormField label="Access key ID">
            <Command>{made.AccessKeyId}</Command>
          </FormField>
          <FormField label="Secret access key">
            <Command>{made.SecretAccessKey ?? ''}</Command>
          </FormField>
        </SpaceBetween>
      ) : (
        <SpaceBetween size="m">
          {create.error && <Alert type="error">{create.error}</Alert>}
          <TextField label={<Optional>Name</Optional>} value={name} onChange={setName} placeholder="ci" />
          <FormField label="Begin with">
            <Select
              selectedOption={start ?? null}
              options={policies.map(({ value, label }) => ({ value, label }))}
              onChange={({ detail }) => {
                const chosen = policies.find(({ value }) => value === detail.selectedOption.value)
                setStart(chosen)
                if (chosen) setPolicy(textOf(chosen.policy))
              }}
            />
          </FormField>
          <FormField label="Policy" description="What the key may do, as an IAM policy." stretch>
            <Textarea value={policy} rows={12} spellcheck={false} onChange={({ detail }) => setPolicy(detail.value)} />
          </FormField>
        </SpaceBetween>
      )}
    </Modal>
  )
}
