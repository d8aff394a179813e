import { useState } from 'react'
import Box from '@cloudscape-design/components/box'
import Button from '@cloudscape-design/components/button'
import Container from '@cloudscape-design/components/container'
import Grid from '@cloudscape-design/components/grid'
import Header from '@cloudscape-design/components/header'
import Select from '@cloudscape-design/components/select'
import SpaceBetween from '@cloudscape-design/components/space-between'
import { metricsOf } from '../../../api/metrics'
import { Failure } from '../../../components/Failure'
import { useData } from '../../../hooks/useData'
import type { View } from '../view'
import { charts } from './charts'
import { MetricChart } from './MetricChart'

const ranges = [
  { value: '60', label: 'Last hour' },
  { value: '180', label: 'Last 3 hours' },
  { value: '720', label: 'Last 12 hours' },
  { value: '1440', label: 'Last day' },
  { value: '4320', label: 'Last 3 days' },
  { value: '10080', label: 'Last week' },
  { value: '20160', label: 'Last 2 weeks' },
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
              <Select
                ariaLabel="Time range"
                selectedOption={ranges.find(({ value }) => value === range) ?? null}
                options={ranges}
                onChange={({ detail }) => setRange(detail.selectedOption.value ?? range)}
              />
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
