import { useState } from 'react'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import Container from '@cloudscape-design/components/container'
import Grid from '@cloudscape-design/components/grid'
import Header from '@cloudscape-design/components/header'
import SegmentedControl from '@cloudscape-design/components/segmented-control'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { metricsOf } from '../../../api/metrics'
import { Failure } from '../../../components/Failure'
import { useData } from '../../../hooks/useData'
import type { View } from '../view'
import { charts } from './charts'
import { MetricChart } from './MetricChart'

const ranges = [
  { id: '60', text: '1 h' },
  { id: '180', text: '3 h' },
  { id: '720', text: '12 h' },
  { id: '1440', text: '1 d' },
  { id: '4320', text: '3 d' },
  { id: '10080', text: '1 w' },
  { id: '20160', text: '2 w' },
]

const half = { colspan: { default: 12, m: 6 } }

// The charts come in a file of their own: they are large, and most look at logs first.
export default function MetricsTab({ service, operations }: View) {
  const [range, setRange] = useState('60')
  const name = service.ServiceName ?? ''
  const metrics = useData(`metrics of ${name} ${range}`, () => metricsOf(name, { minutes: Number(range) }), { live: false, every: 30_000 })
  const answer = metrics.data
  const shown = answer ? charts(answer) : []
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Dashed lines are deployments."
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <SegmentedControl label="Time range" selectedId={range} options={ranges} onChange={({ detail }) => setRange(detail.selectedId)} />
              <Button iconName="refresh" ariaLabel="Read again" onClick={metrics.reload} />
            </SpaceBetween>
          }
        >
          Metrics
        </Header>
      }
    >
      <SpaceBetween size="l">
        <Failure of="read the metrics" error={metrics.error} retry={metrics.reload} />
        {answer && (
          <Grid gridDefinition={shown.map(() => half)}>
            {shown.map((chart) => (
              <MetricChart key={chart.title} chart={chart} answer={answer} operations={operations} />
            ))}
          </Grid>
        )}
        {metrics.loading && <Box>Reading the metrics</Box>}
      </SpaceBetween>
    </Container>
  )
}
