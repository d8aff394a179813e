import { useState } from 'react'
import Alert from '@cloudscape-design/components/alert'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import FormField from '@cloudscape-design/components/form-field'
import Modal from '@cloudscape-design/components/modal'
import Select from '@cloudscape-design/components/select'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { connections, type Authorization, type Authorized, type Connection } from '../../api/connections'
import { TextField } from '../../components/TextField'
import { useAction } from '../../hooks/useAction'
import { useData } from '../../hooks/useData'
import { Handshake } from './Handshake'
import { providerOf, providers } from './methods'
import { Outcome } from './Outcome'

interface Props {
  existing?: Connection // to be authorized (again)
  close: (made?: Connection) => void
}

// AddConnection makes a connection and takes it through its handshake. When the handshake fails the
// connection is there, and the handshake is tried again.
export function AddConnection({ existing, close }: Props) {
  const [provider, setProvider] = useState(providerOf(existing?.Provider ?? 'GITHUB'))
  const [name, setName] = useState(existing?.Name ?? '')
  const [base, setBase] = useState(existing?.BaseUrl ?? '')
  const [authorization, setAuthorization] = useState<Authorization>({ Method: existing?.Method ?? (provider.methods[0] as string) })
  const [made, setMade] = useState<Connection | undefined>(existing)
  const [done, setDone] = useState<Authorized>()
  const list = useData('connections', connections.list)
  const current = list.data?.find((connection) => connection.Name === name) ?? done?.Connection
  const finished = done !== undefined && current?.Status === 'AVAILABLE'

  const run = useAction(async () => {
    const connection = made ?? (await connections.create({ Name: name, Provider: provider.value, BaseURL: base || undefined }))
    setMade(connection)
    const result = await connections.authorize(name, { ...authorization, BaseURL: base || undefined })
    setAuthorization({ Method: authorization.Method }) // the secrets have done their work
    setDone(result)
    list.reload()
    if (result.OpenURL) window.open(result.OpenURL, '_blank', 'noopener')
  })

  return (
    <Modal
      visible
      header={existing ? `Complete the handshake of ${existing.Name}` : 'Add a connection'}
      onDismiss={() => close(done ? current : made)}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            {!finished && (
              <Button variant="link" onClick={() => close(made)}>
                {done ? 'Close' : 'Cancel'}
              </Button>
            )}
            {finished ? (
              <Button variant="primary" onClick={() => close(current)}>
                Done
              </Button>
            ) : (
              <Button variant="primary" loading={run.busy} disabled={!name} onClick={run.run}>
                Connect
              </Button>
            )}
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {run.error && <Alert type="error">{run.error}</Alert>}
        {!done && (
          <>
            <FormField label="Provider">
              <Select
                disabled={made !== undefined}
                selectedOption={{ value: provider.value, label: provider.label }}
                options={providers.map(({ value, label }) => ({ value, label }))}
                onChange={({ detail }) => {
                  const chosen = providerOf(detail.selectedOption.value ?? '')
                  setProvider(chosen)
                  setAuthorization({ Method: chosen.methods[0] as string })
                }}
              />
            </FormField>
            <TextField label="Connection name" value={name} disabled={made !== undefined} onChange={setName} hint="4 to 32 letters, digits, hyphens and underscores." />
            <TextField label="Address of the host" value={base} onChange={setBase} placeholder={provider.host || 'https://git.example.com'} />
            <Handshake provider={provider} value={authorization} change={(patch) => setAuthorization((old) => ({ ...old, ...patch }))} />
          </>
        )}
        {done && current && <Outcome done={done} connection={current} />}
      </SpaceBetween>
    </Modal>
  )
}
