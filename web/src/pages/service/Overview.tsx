import Container from '@cloudscape-design/components/container'
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard'
import Header from '@cloudscape-design/components/header'
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs'
import Link from '@cloudscape-design/components/link'
import { revisionsOf } from '../../api/operations'
import { addressOf } from '../../api/services'
import { ServiceStatus } from '../../components/ServiceStatus'
import { useData } from '../../hooks/useData'
import { Health } from './Health'
import { Source } from './Source'
import type { View } from './view'

export function Overview({ service }: View) {
  const revisions = useData(`revisions of ${service.ServiceName ?? ''}`, () => revisionsOf(service.ServiceName ?? ''))
  const serving = revisions.data?.find((revision) => revision.serving)
  return (
    <Container header={<Header variant="h2">Service overview</Header>}>
      <KeyValuePairs
        columns={3}
        items={[
          { label: 'Status', value: <ServiceStatus status={service.Status} /> },
          {
            label: 'Default domain',
            value: service.ServiceUrl ? (
              <Link href={addressOf(service)} external target="_blank">
                {addressOf(service)}
              </Link>
            ) : (
              'None: the service is private'
            ),
          },
          { label: 'Source', value: <Source source={service.SourceConfiguration} /> },
          { label: 'Health', value: <Health service={service} /> },
          { label: 'Current revision', value: serving ? `Revision ${serving.number}` : 'None serves' },
          {
            label: 'Service ARN',
            value: (
              <CopyToClipboard
                variant="inline"
                textToCopy={service.ServiceArn ?? ''}
                copyButtonAriaLabel="Copy the ARN"
                copySuccessText="Copied"
                copyErrorText="The browser did not allow to copy"
              />
            ),
          },
        ]}
      />
    </Container>
  )
}
