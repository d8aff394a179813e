import { segment, slipway } from '../../api/slipway'
import { check } from '../../api/error'
import type { Operation } from '../../api/operations'
import { useData } from '../../hooks/useData'
import type { Line } from '../../lib/logbuffer'

const lines = 8

async function tail(service: string, stream: string, since: string): Promise<Line[]> {
  const response = await check(await fetch(slipway.url(`services/${segment(service)}/logs?stream=${segment(stream)}&since=${segment(since)}`)))
  const text = await response.text()
  return text
    .split('\n')
    .filter(Boolean)
    .slice(-lines)
    .map((line) => JSON.parse(line) as Line)
}

// proof finds the last lines of what failed: the application's own when it wrote any, otherwise the deployment's.
async function proof(service: string, operation: Operation): Promise<Line[]> {
  const failedToStart = operation.step === 'provision' || operation.step === 'rollback' || operation.step === 'done'
  const application = failedToStart ? await tail(service, 'application', operation.startedAt).catch(() => []) : []
  return application.length > 0 ? application : tail(service, `deployment/${operation.id}`, '').catch(() => [])
}

export function Evidence({ service, operation }: { service: string; operation: Operation }) {
  const found = useData(`proof ${service} ${operation.id}`, () => proof(service, operation), { live: false })
  if (!found.data?.length) return null
  return (
    <pre className="evidence" tabIndex={0} aria-label="The last lines of the log">
      {found.data.map((line) => line.text).join('\n')}
    </pre>
  )
}
