import { useState } from 'react'
import Box from '@cloudscape-design/components/box'
import FormField from '@cloudscape-design/components/form-field'
import Input from '@cloudscape-design/components/input'
import { useLocation } from 'wouter'
import { apprunner } from '../../api/apprunner'
import { Confirm } from '../../components/Confirm'
import { notify } from '../../lib/notify'
import type { View } from './view'

const word = 'delete'

export function DeleteService({ service, close }: View & { close: () => void }) {
  const [typed, setTyped] = useState('')
  const [, go] = useLocation()
  const name = service.ServiceName ?? ''
  const remove = async () => {
    await apprunner().deleteService({ ServiceArn: service.ServiceArn })
    notify('info', `${name} is being deleted.`)
    go('/services')
  }
  return (
    <Confirm title={`Delete ${name}?`} verb="Delete" disabled={typed !== word} action={remove} close={close}>
      <Box>
        The service, its instances, revisions and custom domains are deleted. This cannot be undone.
      </Box>
      <FormField label={`To confirm, type ${word}`}>
        <Input value={typed} onChange={({ detail }) => setTyped(detail.value)} placeholder={word} autoComplete={false} />
      </FormField>
    </Confirm>
  )
}
