import { useState } from 'react'
import Alert from '@cloudscape-design/components/alert'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import Container from '@cloudscape-design/components/container'
import Form from '@cloudscape-design/components/form'
import FormField from '@cloudscape-design/components/form-field'
import Header from '@cloudscape-design/components/header'
import Input from '@cloudscape-design/components/input'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { signIn } from '../api/session'
import { useAction } from '../hooks/useAction'

export function SignIn() {
  const [id, setID] = useState('')
  const [secret, setSecret] = useState('')
  const action = useAction(() => signIn(id, secret))
  return (
    <main className="sign-in">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          action.run()
        }}
      >
        <Container header={<Header variant="h1">Sign in to Slipway</Header>}>
          <Form actions={<Button variant="primary" loading={action.busy}>Sign in</Button>}>
            <SpaceBetween size="l">
              {action.error && <Alert type="error">{action.error}</Alert>}
              <FormField label="Access key ID">
                <Input value={id} onChange={({ detail }) => setID(detail.value)} autoFocus autoComplete="username" spellcheck={false} name="id" />
              </FormField>
              <FormField label="Secret access key">
                <Input value={secret} onChange={({ detail }) => setSecret(detail.value)} type="password" autoComplete="current-password" name="secret" />
              </FormField>
              <Box color="text-body-secondary" fontSize="body-s">
                The console can do what the key may do. <Box variant="code">slipway env --secret</Box> prints the root key, and{' '}
                <Box variant="code">slipway keys create</Box> makes others.
              </Box>
            </SpaceBetween>
          </Form>
        </Container>
      </form>
    </main>
  )
}
