import type { Service } from '@aws-sdk/client-apprunner'
import type { Operation } from '../../api/operations'

// View is what every part of a service's dashboard shows some of.
export interface View {
  service: Service
  operations: Operation[] // newest first
  reload: () => void
}
