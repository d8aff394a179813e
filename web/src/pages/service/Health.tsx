import type { Service } from '@aws-sdk/client-apprunner'
import StatusIndicator from '@cloudscape-design/components/status-indicator'
import { instancesOf } from '../../api/instances'
import { useData } from '../../hooks/useData'

// Health sums up the health of a service's instances.
export function Health({ service }: { service: Service }) {
  const name = service.ServiceName ?? ''
  const instances = useData(`instances of ${name}`, () => instancesOf(name), { every: 5000 })
  if (!instances.data) return <>–</>
  const wanted = instances.data.filter((i) => i.state !== 'ending' && i.state !== 'prepared')
  const healthy = wanted.filter((i) => i.healthy).length
  if (wanted.length === 0) return <StatusIndicator type="stopped">No instance runs</StatusIndicator>
  const text = `${healthy} of ${wanted.length} ${wanted.length === 1 ? 'instance' : 'instances'} healthy`
  return <StatusIndicator type={healthy === wanted.length ? 'success' : healthy > 0 ? 'warning' : 'error'}>{text}</StatusIndicator>
}
