import SpaceBetween from '@cloudscape-design/components/space-between'
import { Build } from '../../../sections/Build'
import { CodeSource } from '../../../sections/CodeSource'
import { HealthCheck } from '../../../sections/HealthCheck'
import { ImageSource } from '../../../sections/ImageSource'
import { Networking } from '../../../sections/Networking'
import { Observability } from '../../../sections/Observability'
import { Options } from '../../../sections/Options'
import { Scaling } from '../../../sections/Scaling'
import { Security } from '../../../sections/Security'
import { ServiceSettings } from '../../../sections/ServiceSettings'
import { Tags } from '../../../sections/Tags'
import { Trigger } from '../../../sections/Trigger'
import type { Field, Section } from '../../../wizard/draft'
import type { SectionID } from '../../../wizard/summary'

export const fieldsOfPart: Record<SectionID, readonly Field[]> = {
  source: ['image', 'accessRole', 'connection', 'repository', 'branch', 'directory'],
  build: ['runtime', 'buildCommand', 'startCommand', 'port'],
  service: ['memory', 'variables', 'startCommand', 'port'],
  scaling: [],
  health: ['path', 'interval', 'timeout', 'healthy', 'unhealthy'],
  security: ['instanceRole', 'kmsKey'],
  network: [],
  observability: [],
  options: [],
  tags: ['tags'],
}

// PartForm is the form of one part of a service.
export function PartForm({ section, fields }: { section: SectionID; fields: Section }) {
  switch (section) {
    case 'source':
      return (
        <SpaceBetween size="l">
          {fields.draft.kind === 'image' ? <ImageSource {...fields} /> : <CodeSource {...fields} />}
          <Trigger {...fields} />
        </SpaceBetween>
      )
    case 'build':
      return <Build {...fields} />
    case 'service':
      return <ServiceSettings fixed {...fields} />
    case 'scaling':
      return <Scaling {...fields} />
    case 'health':
      return <HealthCheck {...fields} />
    case 'security':
      return <Security fixed {...fields} />
    case 'network':
      return <Networking {...fields} />
    case 'observability':
      return <Observability {...fields} />
    case 'options':
      return <Options {...fields} />
    case 'tags':
      return <Tags {...fields} />
  }
}
