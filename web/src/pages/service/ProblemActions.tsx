import Button from '@cloudscape-design/components/button'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { apprunner } from '../../api/apprunner'
import { useAction } from '../../hooks/useAction'
import { useFollow } from '../../hooks/useFollow'
import type { View } from './view'

export function ProblemActions({ service, reload }: View) {
  const follow = useFollow()
  const rebuild = useAction(async () => {
    await apprunner().startDeployment({ ServiceArn: service.ServiceArn })
    reload()
  })
  return (
    <SpaceBetween direction="horizontal" size="xs">
      <Button href={`/services/${service.ServiceName ?? ''}/configuration`} onFollow={follow}>
        Change the configuration
      </Button>
      <Button loading={rebuild.busy} onClick={rebuild.run}>
        {service.Status === 'CREATE_FAILED' ? 'Rebuild' : 'Deploy again'}
      </Button>
    </SpaceBetween>
  )
}
