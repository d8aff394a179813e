import type { ReactNode } from 'react'
import Alert from '@cloudscape-design/components/alert'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import Modal from '@cloudscape-design/components/modal'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { useAction } from '../hooks/useAction'

interface Props {
  title: string
  verb: string // on the button
  disabled?: boolean
  size?: 'medium' | 'large'
  children: ReactNode
  action: () => unknown // or a promise, which is awaited
  close: () => void
}

// Confirm asks before something is done, and tells in place when that fails.
export function Confirm({ title, verb, disabled, size = 'medium', children, action, close }: Props) {
  const run = useAction(async () => {
    await action()
    close()
  })
  return (
    <Modal
      visible
      header={title}
      size={size}
      onDismiss={close}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              Cancel
            </Button>
            <Button variant="primary" disabled={disabled} loading={run.busy} onClick={run.run}>
              {verb}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {run.error && <Alert type="error">{run.error}</Alert>}
        {children}
      </SpaceBetween>
    </Modal>
  )
}
