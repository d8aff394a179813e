import Alert from '@cloudscape-design/components/alert'
import Button from '@cloudscape-design/components/button'
import { messageOf } from '../api/error'

interface Props {
  of: string // what could not be done: "read the services"
  error: unknown
  retry?: () => void
}

// Failure tells that something could not be read, and nothing while there is no error.
export function Failure({ of, error, retry }: Props) {
  if (error === undefined) return null
  return (
    <Alert type="error" header={`Slipway could not ${of}`} action={retry && <Button onClick={retry}>Try again</Button>}>
      {messageOf(error)}
    </Alert>
  )
}
