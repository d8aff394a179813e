import { segment, slipway } from './slipway'

// Instance is an instance of a service as the fleet has it now.
export interface Instance {
  id: string
  revision: number
  state: string // starting, active, idle, frozen, prepared or ending
  healthy: boolean
  startedAt: string
  inFlight: number
  cpu?: number // percent of what it is given
  memory?: number // percent of what it is given
  memoryBytes?: number
}

export const instancesOf = (service: string) => slipway.get<Instance[]>(`services/${segment(service)}/instances`)
