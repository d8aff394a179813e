import { useState } from 'react'
import FormField from '@cloudscape-design/components/form-field'
import Select from '@cloudscape-design/components/select'
import { apprunner } from '../../api/apprunner'
import { listServices } from '../../api/services'
import { Confirm } from '../../components/Confirm'
import { TextField } from '../../components/TextField'
import { useData } from '../../hooks/useData'

export function CreateIngress({ close }: { close: () => void }) {
  const services = useData('services', listServices)
  const [name, setName] = useState('')
  const [arn, setARN] = useState('')
  const [vpc, setVPC] = useState('')
  const [endpoint, setEndpoint] = useState('')
  const chosen = services.data?.find((service) => service.ServiceArn === arn)
  const create = async () => {
    await apprunner().createVpcIngressConnection({
      VpcIngressConnectionName: name,
      ServiceArn: arn,
      IngressVpcConfiguration: { VpcId: vpc, VpcEndpointId: endpoint },
    })
  }
  return (
    <Confirm title="Create VPC ingress connection" verb="Create" disabled={!arn} action={create} close={close}>
      <TextField label="Name" value={name} onChange={setName} hint="4 to 40 letters, digits, hyphens and underscores." />
      <FormField label="Service" description="A private one.">
        <Select
          placeholder="Choose a service"
          empty="There is no service."
          selectedOption={chosen ? { value: arn, label: chosen.ServiceName } : null}
          options={(services.data ?? []).map((service) => ({ value: service.ServiceArn, label: service.ServiceName }))}
          onChange={({ detail }) => setARN(detail.selectedOption.value ?? '')}
        />
      </FormField>
      <TextField label="VPC" value={vpc} onChange={setVPC} placeholder="vpc-0a1b2c3d" />
      <TextField label="VPC endpoint" value={endpoint} onChange={setEndpoint} placeholder="vpce-0a1b2c3d" />
    </Confirm>
  )
}
