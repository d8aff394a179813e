import type { ObservabilityConfigurationSummary } from '@aws-sdk/client-apprunner'
import { apprunner, pages } from './apprunner'

export function listObservability(): Promise<ObservabilityConfigurationSummary[]> {
  return pages(
    (NextToken) => apprunner().listObservabilityConfigurations({ LatestOnly: true, NextToken }),
    (page) => page.ObservabilityConfigurationSummaryList,
  )
}
