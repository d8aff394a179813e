import type { Service, ServiceSummary } from '@aws-sdk/client-apprunner'
import { apprunner, pages } from './apprunner'
import { ApiError } from './error'
import { region, session } from './session'

export function listServices(): Promise<ServiceSummary[]> {
  return pages(
    (NextToken) => apprunner().listServices({ NextToken, MaxResults: 20 }),
    (page) => page.ServiceSummaryList,
  )
}

// serviceNamed describes the service with a name: pages have its name in their address, as people do.
export async function serviceNamed(name: string): Promise<Service> {
  const found = (await listServices()).find((service) => service.ServiceName === name)
  if (!found) throw new ApiError('ResourceNotFoundException', `There is no service ${name} in Region ${region()}.`)
  const { Service } = await apprunner().describeService({ ServiceArn: found.ServiceArn })
  return Service as Service
}

// addressOf is where a service is served, "" for one that is not reached from outside.
export function addressOf(service: { ServiceUrl?: string }): string {
  return service.ServiceUrl ? `${session().about.scheme}://${service.ServiceUrl}` : ''
}
