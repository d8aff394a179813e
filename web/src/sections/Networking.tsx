import FormField from '@cloudscape-design/components/form-field'
import RadioGroup from '@cloudscape-design/components/radio-group'
import Select from '@cloudscape-design/components/select'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { listConnectors } from '../api/networks'
import { Fold } from '../components/Fold'
import { useData } from '../hooks/useData'
import type { Section } from '../wizard/draft'

export function Networking({ draft, change }: Section) {
  const connectors = useData('connectors', listConnectors)
  const options = (connectors.data ?? []).map((c) => ({
    value: c.VpcConnectorArn,
    label: `${c.VpcConnectorName ?? ''}, revision ${c.VpcConnectorRevision ?? ''}`,
    description: [...(c.Subnets ?? []), ...(c.SecurityGroups ?? [])].join(', '),
  }))
  const incoming = draft.isPrivate ? 'private' : 'public'
  const outgoing = draft.connector ? 'a VPC connector' : 'everywhere'
  return (
    <Fold title="Networking" description={`Incoming: ${incoming}. Outgoing: ${outgoing}`}>
      <SpaceBetween size="l">
        <FormField label="Incoming network traffic">
          <RadioGroup
            value={incoming}
            onChange={({ detail }) => change({ isPrivate: detail.value === 'private' })}
            items={[
              { value: 'public', label: 'Public endpoint', description: 'The service is reached at its default domain.' },
              { value: 'private', label: 'Private endpoint', description: 'Only through a VPC ingress connection, at the private listener.' },
            ]}
          />
        </FormField>
        <FormField label="Outgoing network traffic">
          <RadioGroup
            value={draft.connector ? 'vpc' : 'public'}
            onChange={({ detail }) => change({ connector: detail.value === 'vpc' ? (options[0]?.value ?? '') : '' })}
            items={[
              { value: 'public', label: 'Public access', description: 'Instances may connect to everything but this machine.' },
              {
                value: 'vpc',
                label: 'Custom VPC',
                description: options.length > 0 ? 'Instances may connect to what a connector allows.' : 'There is no VPC connector yet: make one on the page Networking configurations.',
                disabled: options.length === 0,
              },
            ]}
          />
        </FormField>
        {draft.connector && (
          <FormField label="VPC connector">
            <Select
              selectedOption={options.find(({ value }) => value === draft.connector) ?? { value: draft.connector, label: draft.connector }}
              options={options}
              onChange={({ detail }) => change({ connector: detail.selectedOption.value ?? '' })}
            />
          </FormField>
        )}
        <FormField label="IP address type">
          <RadioGroup
            value={draft.ipType}
            onChange={({ detail }) => change({ ipType: detail.value === 'DUAL_STACK' ? 'DUAL_STACK' : 'IPV4' })}
            items={[
              { value: 'IPV4', label: 'IPv4' },
              { value: 'DUAL_STACK', label: 'Dual-stack' },
            ]}
          />
        </FormField>
      </SpaceBetween>
    </Fold>
  )
}
