import { useState } from 'react'
import type { AutoScalingConfiguration } from '@aws-sdk/client-apprunner'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { apprunner } from '../../api/apprunner'
import { Confirm } from '../../components/Confirm'
import { TextField } from '../../components/TextField'

interface Props {
  of?: AutoScalingConfiguration // whose next revision is made
  close: (made?: AutoScalingConfiguration) => void
}

// ScalingForm makes an auto scaling configuration, or the next revision of one.
export function ScalingForm({ of, close }: Props) {
  const [name, setName] = useState(of?.AutoScalingConfigurationName ?? '')
  const [concurrency, setConcurrency] = useState(String(of?.MaxConcurrency ?? 100))
  const [least, setLeast] = useState(String(of?.MinSize ?? 1))
  const [most, setMost] = useState(String(of?.MaxSize ?? 25))
  const create = async () => {
    const out = await apprunner().createAutoScalingConfiguration({
      AutoScalingConfigurationName: name,
      MaxConcurrency: Number(concurrency),
      MinSize: Number(least),
      MaxSize: Number(most),
    })
    close(out.AutoScalingConfiguration)
  }
  return (
    <Confirm title={of ? `Create a revision of ${name}` : 'Create auto scaling configuration'} verb="Create" action={create} close={() => close()}>
      <SpaceBetween size="m">
        <TextField label="Configuration name" value={name} disabled={of !== undefined} onChange={setName} hint="4 to 32 letters, digits, hyphens and underscores." />
        <TextField label="Concurrency" description="Requests that an instance gets at once, 1 to 200." mode="numeric" value={concurrency} onChange={setConcurrency} />
        <TextField label="Minimum size" description="Instances that are always there, 1 to 25." mode="numeric" value={least} onChange={setLeast} />
        <TextField label="Maximum size" description="Instances that there may be." mode="numeric" value={most} onChange={setMost} />
      </SpaceBetween>
    </Confirm>
  )
}
