import { segment, slipway } from './slipway'

export interface Key {
  AccessKeyId: string
  SecretAccessKey?: string // told once
  Name: string
  CreatedAt: string
  Policy?: object // none for the root key, which may do everything
}

export const keys = {
  list: () => slipway.get<Key[]>('keys'),
  create: (Name: string, Policy: unknown) => slipway.post<Key>('keys', { Name: Name || undefined, Policy }),
  remove: (id: string) => slipway.delete<object>(`keys/${segment(id)}`),
}
