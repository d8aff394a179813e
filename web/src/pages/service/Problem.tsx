import Alert from '@cloudscape-design/components/alert'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { Evidence } from './Evidence'
import { ProblemActions } from './ProblemActions'
import type { View } from './view'

// Problem says why the last operation failed, with the lines that prove it and the button that mends it.
export function Problem(view: View) {
  const last = view.operations[0]
  if (!last?.endedAt || last.status === 'SUCCEEDED') return null
  const created = view.service.Status === 'CREATE_FAILED'
  const still = view.service.Status === 'RUNNING' && last.type !== 'PAUSE_SERVICE'
  return (
    <Alert
      type={still ? 'warning' : 'error'}
      header={created ? 'The service could not be created' : still ? 'The last deployment failed; what ran before still serves' : 'The last operation failed'}
      action={<ProblemActions {...view} />}
    >
      <SpaceBetween size="s">
        <div>{last.reason ?? 'Slipway gave no reason. The event log may have more.'}</div>
        <Evidence service={view.service.ServiceName ?? ''} operation={last} />
      </SpaceBetween>
    </Alert>
  )
}
