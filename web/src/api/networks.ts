import type { VpcConnector, VpcIngressConnection } from '@aws-sdk/client-apprunner'
import { apprunner, pages } from './apprunner'

export function listConnectors(): Promise<VpcConnector[]> {
  return pages(
    (NextToken) => apprunner().listVpcConnectors({ NextToken }),
    (page) => page.VpcConnectors,
  )
}

export async function listIngress(): Promise<VpcIngressConnection[]> {
  const found = await pages(
    (NextToken) => apprunner().listVpcIngressConnections({ NextToken }),
    (page) => page.VpcIngressConnectionSummaryList,
  )
  const all = await Promise.all(
    found.map(({ VpcIngressConnectionArn }) => apprunner().describeVpcIngressConnection({ VpcIngressConnectionArn })),
  )
  return all.flatMap(({ VpcIngressConnection }) => VpcIngressConnection ?? [])
}
