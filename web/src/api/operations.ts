import { segment, slipway } from './slipway'

// Operation is an operation of a service with what App Runner's API does not tell.
export interface Operation {
  id: string
  type: string
  status: string
  step: string
  source?: string
  reason?: string
  startedAt: string
  endedAt?: string
}

export interface Revision {
  number: number
  serving: boolean
  served: boolean
  image?: string
  digest?: string
  commit?: { ID?: string; Message?: string; Author?: string }
  createdAt: string
}

export const operationsOf = (service: string) => slipway.get<Operation[]>(`services/${segment(service)}/operations`)
export const revisionsOf = (service: string) => slipway.get<Revision[]>(`services/${segment(service)}/revisions`)
export const rollBack = (service: string, revision: number) =>
  slipway.post<{ operationId: string }>(`services/${segment(service)}/rollback`, { revision })
export const cancel = (service: string) => slipway.post<{ operationId: string }>(`services/${segment(service)}/cancel`, {})

// underWay reports whether an operation has not ended.
export const underWay = (operation: Operation | undefined): boolean =>
  operation !== undefined && ['PENDING', 'IN_PROGRESS', 'ROLLBACK_IN_PROGRESS'].includes(operation.status)
