import FormField from '@cloudscape-design/components/form-field'
import RadioGroup from '@cloudscape-design/components/radio-group'
import SpaceBetween from '@cloudscape-design/components/space-between'
import type { Authorization } from '../../api/connections'
import { Optional } from '../../components/Optional'
import { TextField } from '../../components/TextField'
import { methodNames, type Method, type Provider } from './methods'

interface Props {
  provider: Provider
  value: Authorization
  change: (patch: Partial<Authorization>) => void
}

// Handshake asks for what a way to authorize a connection needs.
export function Handshake({ provider, value, change }: Props) {
  const method = value.Method as Method
  const field = (name: keyof Authorization, label: string, more: { secret?: boolean; hint?: string; optional?: boolean } = {}) => (
    <TextField
      label={more.optional ? <Optional>{label}</Optional> : label}
      type={more.secret ? 'password' : 'text'}
      hint={more.hint}
      value={value[name] ?? ''}
      onChange={(text) => change({ [name]: text })}
    />
  )
  return (
    <SpaceBetween size="m">
      <FormField label="How Slipway may read there">
        <RadioGroup
          value={method}
          onChange={({ detail }) => change({ Method: detail.value })}
          items={provider.methods.map((name) => ({ value: name, ...methodNames[name] }))}
        />
      </FormField>
      {method === 'token' && field('Token', 'Token', { secret: true, hint: `It needs ${provider.token}.` })}
      {method === 'token' && (provider.value === 'BITBUCKET' || provider.value === 'GIT') && field('Username', 'User name', { optional: provider.value === 'BITBUCKET' })}
      {method === 'oauth' && field('ClientID', 'Client ID', { hint: `Its redirect URL is ${window.location.origin}/slipway/v1/callback/oauth, or the same path under source.public-url.` })}
      {method === 'oauth' && field('ClientSecret', 'Client secret', { secret: true })}
      {method === 'app' && field('Organization', 'Organization', { optional: true, hint: 'That the App is to belong to; otherwise you.' })}
      {provider.value === 'GIT' && method !== 'public' && field('Repository', 'A repository to try it with', { optional: method !== 'deploy-key', hint: 'Its URL, as for git clone.' })}
    </SpaceBetween>
  )
}
