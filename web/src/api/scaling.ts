import type { AutoScalingConfigurationSummary } from '@aws-sdk/client-apprunner'
import { apprunner, pages } from './apprunner'

// listScaling lists auto scaling configurations: the latest revision of each, or all of a name.
export function listScaling(latest: boolean, name?: string): Promise<AutoScalingConfigurationSummary[]> {
  return pages(
    (NextToken) => apprunner().listAutoScalingConfigurations({ LatestOnly: latest, AutoScalingConfigurationName: name, NextToken }),
    (page) => page.AutoScalingConfigurationSummaryList,
  )
}
