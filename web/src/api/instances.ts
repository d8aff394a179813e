import { segment, slipway } from './slipway'

// Instance is an instance of a service as the fleet has it now.
export interface Instance {
  id: string
  state: 'PREPARED' | 'STARTING' | 'ACTIVE' | 'THROTTLED' | 'FROZEN' | 'ENDING'
  revision?: number
  requests: number // in flight
  since: string
}

export interface Decision {
  time: string
  from: number
  to: number
  need: number
  reason: string
  inputs: { requests: number; waiting: number; ready: number; minSize: number; maxSize: number }
}

export interface Scaling {
  now: Decision | null
  decisions: Decision[] // oldest first
}

export const instancesOf = (service: string) => slipway.get<Instance[]>(`services/${segment(service)}/instances`)
export const scalingOf = (service: string) => slipway.get<Scaling>(`services/${segment(service)}/scaling`)
