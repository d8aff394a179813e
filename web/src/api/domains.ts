import type { CustomDomain } from '@aws-sdk/client-apprunner'
import { apprunner } from './apprunner'

export interface Domains {
  target: string
  domains: CustomDomain[]
}

export async function domainsOf(ServiceArn: string): Promise<Domains> {
  const found: Domains = { target: '', domains: [] }
  let NextToken: string | undefined
  do {
    const out = await apprunner().describeCustomDomains({ ServiceArn, NextToken })
    found.target = out.DNSTarget ?? ''
    found.domains.push(...(out.CustomDomains ?? []))
    NextToken = out.NextToken
  } while (NextToken)
  return found
}
