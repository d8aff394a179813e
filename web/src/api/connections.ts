import { segment, slipway } from './slipway'

export interface Connection {
  Name: string
  Arn: string
  Provider: string
  Status: string
  Reason?: string
  BaseUrl?: string
  Method?: string
  Account?: string
  PublicKey?: string
  HookUrl?: string
  CreatedAt: string
}

export interface Authorization {
  Method: string
  BaseURL?: string
  Username?: string
  Token?: string
  ClientID?: string
  ClientSecret?: string
  Organization?: string
  Repository?: string
}

export interface Authorized {
  Connection: Connection
  OpenURL?: string
  HostKeys?: string[]
  HookSecret?: string
}

export interface Repository {
  Name: string
  Url: string
  DefaultBranch?: string
  Private: boolean
}

interface Page<T> {
  Items: T[]
  Next?: string
}

const at = (name: string) => `connections/${segment(name)}`

export const connections = {
  list: () => slipway.get<Connection[]>('connections'),
  create: (connection: { Name: string; Provider: string; BaseURL?: string }) => slipway.post<Connection>('connections', connection),
  remove: (name: string) => slipway.delete<object>(at(name)),
  authorize: (name: string, authorization: Authorization) => slipway.post<Authorized>(`${at(name)}/authorize`, authorization),
  repositories: (name: string, words = '') => slipway.get<Page<Repository>>(`${at(name)}/repositories?words=${segment(words)}`),
  branches: (name: string, repository: string) => slipway.get<Page<string>>(`${at(name)}/branches?repository=${segment(repository)}`),
}
