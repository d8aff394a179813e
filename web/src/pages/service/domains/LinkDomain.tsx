import { useState } from 'react'
import Checkbox from '@cloudscape-design/components/checkbox'
import { apprunner } from '../../../api/apprunner'
import { Confirm } from '../../../components/Confirm'
import { TextField } from '../../../components/TextField'

interface Props {
  arn: string
  close: (name?: string) => void
}

export function LinkDomain({ arn, close }: Props) {
  const [name, setName] = useState('')
  const [www, setWWW] = useState(true)
  const wildcard = name.startsWith('*')
  const link = async () => {
    await apprunner().associateCustomDomain({ ServiceArn: arn, DomainName: name.trim(), EnableWWWSubdomain: www && !wildcard })
    close(name.trim())
  }
  return (
    <Confirm title="Link domain" verb="Link domain" disabled={!name.trim()} action={link} close={() => close()}>
      <TextField
        label="Domain name"
        placeholder="example.com"
        hint="A domain of yours, one below it, or *.example.com for all below it."
        value={name}
        onChange={setName}
      />
      <Checkbox checked={www && !wildcard} disabled={wildcard} onChange={({ detail }) => setWWW(detail.checked)}>
        Link the subdomain www too
      </Checkbox>
    </Confirm>
  )
}
