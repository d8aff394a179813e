import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator'
import { words } from '../lib/format'

const types: Record<string, StatusIndicatorProps.Type> = {
  RUNNING: 'success',
  PAUSED: 'stopped',
  OPERATION_IN_PROGRESS: 'in-progress',
  CREATE_FAILED: 'error',
  DELETE_FAILED: 'error',
  DELETED: 'stopped',
}

export function ServiceStatus({ status }: { status: string | undefined }) {
  return <StatusIndicator type={types[status ?? ''] ?? 'info'}>{words(status)}</StatusIndicator>
}
