// How connections to each provider are authorized.

export type Method = 'token' | 'oauth' | 'app' | 'deploy-key' | 'public'

export interface Provider {
  value: string
  label: string
  host: string // of the public one, "" where there is none
  methods: Method[]
  token: string // what a token needs
}

export const providers: Provider[] = [
  { value: 'GITHUB', label: 'GitHub', host: 'https://github.com', methods: ['app', 'token'], token: 'contents: read and metadata: read; commit statuses and webhooks: write, for reports and webhooks' },
  { value: 'GITLAB', label: 'GitLab', host: 'https://gitlab.com', methods: ['oauth', 'token'], token: 'api; or read_api and read_repository, without reports and webhooks' },
  { value: 'BITBUCKET', label: 'Bitbucket', host: 'https://bitbucket.org', methods: ['oauth', 'token'], token: 'repositories: read; webhooks: write' },
  { value: 'GITEA', label: 'Gitea or Forgejo', host: '', methods: ['token', 'oauth'], token: 'read:user and write:repository' },
  { value: 'GIT', label: 'Another Git server', host: '', methods: ['token', 'deploy-key', 'public'], token: 'reading the repositories' },
]

export const methodNames: Record<Method, { label: string; description: string }> = {
  app: { label: 'GitHub App', description: 'GitHub makes an App for this connection; you choose what it may read.' },
  oauth: { label: 'OAuth', description: 'You sign in at the host, with an OAuth application that you made there.' },
  token: { label: 'Access token', description: 'You paste a token that you made at the host.' },
  'deploy-key': { label: 'Deploy key', description: 'Slipway makes an ssh key; you add its public half at the host.' },
  public: { label: 'None', description: 'The repositories are public.' },
}

export const providerOf = (value: string): Provider => providers.find((provider) => provider.value === value) ?? (providers[0] as Provider)
