import { slipway } from './slipway'

export interface Problem {
  what: string
  fix: string
  fatal: boolean
}

export interface Setting {
  name: string // as in the configuration file
  value: string
}

export interface Quota {
  name: string
  used: number
  limit: number
}

export interface Settings {
  version: string
  dataDir: string
  settings: Setting[]
  quotas: Quota[]
  problems: Problem[] // what "slipway doctor" says
}

export const readSettings = () => slipway.get<Settings>('settings')
