import Alert from '@cloudscape-design/components/alert'
import Box from '@cloudscape-design/components/box'
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard'
import Link from '@cloudscape-design/components/link'
import SpaceBetween from '@cloudscape-design/components/space-between'
import StatusIndicator from '@cloudscape-design/components/status-indicator'
import type { Authorized, Connection } from '../../api/connections'

const copies = { copyButtonAriaLabel: 'Copy', copySuccessText: 'Copied', copyErrorText: 'The browser did not allow to copy' }

// Outcome tells how far a handshake is, and what is left to do elsewhere.
export function Outcome({ done, connection }: { done: Authorized; connection: Connection }) {
  const available = connection.Status === 'AVAILABLE'
  return (
    <SpaceBetween size="m">
      {available && <StatusIndicator type="success">{`${connection.Name} is connected${connection.Account ? ` as ${connection.Account}` : ''}.`}</StatusIndicator>}
      {connection.Status === 'ERROR' && <Alert type="error">{connection.Reason}</Alert>}
      {done.OpenURL && !available && (
        <Box>
          <StatusIndicator type="pending">Waiting for you to finish at the host</StatusIndicator>{' '}
          <Link href={done.OpenURL} external target="_blank">
            Open the page of the host
          </Link>
        </Box>
      )}
      {connection.PublicKey && (
        <Box>
          Add this key at the host, with the right to read:
          <CopyToClipboard variant="inline" textToCopy={connection.PublicKey} {...copies} />
        </Box>
      )}
      {done.HostKeys && <Box>The server has the keys {done.HostKeys.join(', ')}. Compare them.</Box>}
      {done.HookSecret && connection.HookUrl && (
        <Box>
          For webhooks, use the address <CopyToClipboard variant="inline" textToCopy={connection.HookUrl} {...copies} /> and the secret{' '}
          <CopyToClipboard variant="inline" textToCopy={done.HookSecret} {...copies} />
        </Box>
      )}
    </SpaceBetween>
  )
}
