import SpaceBetween from '@cloudscape-design/components/space-between'
import { HealthCheck } from '../../sections/HealthCheck'
import { Networking } from '../../sections/Networking'
import { Observability } from '../../sections/Observability'
import { Options } from '../../sections/Options'
import { Scaling } from '../../sections/Scaling'
import { Security } from '../../sections/Security'
import { ServiceSettings } from '../../sections/ServiceSettings'
import { Tags } from '../../sections/Tags'
import type { Section } from '../../wizard/draft'

export function ConfigureService(section: Section) {
  return (
    <SpaceBetween size="l">
      <ServiceSettings {...section} />
      <Scaling {...section} />
      <HealthCheck {...section} />
      <Security {...section} />
      <Networking {...section} />
      <Observability {...section} />
      <Options {...section} />
      <Tags {...section} />
    </SpaceBetween>
  )
}
