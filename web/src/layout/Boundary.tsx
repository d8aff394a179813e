import { Component, type ReactNode } from 'react'
import Alert from '@cloudscape-design/components/alert'
import Button from '@cloudscape-design/components/button'
import { messageOf } from '../api/error'

interface State {
  error?: unknown
}

// Boundary keeps a page that breaks from taking the rest with it. Also a page whose files are gone, because
// Slipway was upgraded, gets here.
export class Boundary extends Component<{ children: ReactNode }, State> {
  override state: State = {}

  static getDerivedStateFromError(error: unknown): State {
    return { error }
  }

  override render() {
    if (this.state.error === undefined) return this.props.children
    return (
      <Alert type="error" header="This page could not be shown" action={<Button onClick={() => window.location.reload()}>Load it again</Button>}>
        {messageOf(this.state.error)}
      </Alert>
    )
  }
}
