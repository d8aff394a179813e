import type { Service } from '@aws-sdk/client-apprunner'
import StatusIndicator from '@cloudscape-design/components/status-indicator'
import { instancesOf } from '../../api/instances'
import { useData } from '../../hooks/useData'

const healthy = new Set(['ACTIVE', 'THROTTLED', 'FROZEN'])

// Health sums up the health of a service's instances.
export function Health({ service }: { service: Service }) {
  const name = service.ServiceName ?? ''
  const instances = useData(`instances of ${name}`, () => instancesOf(name), { every: 3000 })
  if (!instances.data) return <>–</>
  const wanted = instances.data.filter(({ state }) => state !== 'ENDING' && state !== 'PREPARED')
  const well = wanted.filter(({ state }) => healthy.has(state)).length
  if (wanted.length === 0 && service.Status === 'RUNNING') return <StatusIndicator type="stopped">At zero, until the next request</StatusIndicator>
  if (wanted.length === 0) return <StatusIndicator type="stopped">No instance runs</StatusIndicator>
  const text = `${well} of ${wanted.length} ${wanted.length === 1 ? 'instance' : 'instances'} healthy`
  return <StatusIndicator type={well === wanted.length ? 'success' : well > 0 ? 'warning' : 'pending'}>{text}</StatusIndicator>
}
