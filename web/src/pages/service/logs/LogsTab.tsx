import { useState } from 'react'
import Container from '@cloudscape-design/components/container'
import Header from '@cloudscape-design/components/header'
import SegmentedControl from '@cloudscape-design/components/segmented-control'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { DeploymentLogs } from './DeploymentLogs'
import { LogView } from './LogView'
import type { View } from '../view'

type Kind = 'events' | 'deployments' | 'application'

export function LogsTab(view: View) {
  const [kind, setKind] = useState<Kind>('events')
  const name = view.service.ServiceName ?? ''
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={{
            events: 'What happened to the service.',
            deployments: 'What each deployment did: the source, the build, the start.',
            application: 'What the instances write to their output, merged.',
          }[kind]}
        >
          Logs
        </Header>
      }
    >
      <SpaceBetween size="m">
        <SegmentedControl
          label="Which log"
          selectedId={kind}
          onChange={({ detail }) => setKind(detail.selectedId as Kind)}
          options={[
            { id: 'events', text: 'Event log' },
            { id: 'deployments', text: 'Deployment logs' },
            { id: 'application', text: 'Application logs' },
          ]}
        />
        {kind === 'events' && <LogView key="events" service={name} stream="events" label="the event log" />}
        {kind === 'deployments' && <DeploymentLogs {...view} />}
        {kind === 'application' && <LogView key="application" service={name} stream="application" label="the application logs" />}
      </SpaceBetween>
    </Container>
  )
}
