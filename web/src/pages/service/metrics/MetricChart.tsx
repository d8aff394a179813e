import Box from '@cloudscape-design/components/box'
import LineChart from '@cloudscape-design/components/line-chart'
import type { MetricsAnswer } from '../../../api/metrics'
import type { Operation } from '../../../api/operations'
import { when, words } from '../../../lib/format'
import { valueOf, type Chart } from './charts'

const deploys = new Set(['CREATE_SERVICE', 'UPDATE_SERVICE', 'START_DEPLOYMENT'])

interface Props {
  chart: Chart
  answer: MetricsAnswer
  operations: Operation[]
}

// MetricChart draws a metric over time, with the deployments on the axis.
export function MetricChart({ chart, answer, operations }: Props) {
  const from = new Date(answer.from)
  const to = new Date(answer.to)
  const marks = operations
    .filter(({ type, startedAt }) => deploys.has(type) && new Date(startedAt) >= from)
    .slice(0, 5)
    .map(({ type, startedAt }) => ({ type: 'threshold' as const, title: `${words(type)}, ${when(startedAt)}`, x: new Date(startedAt) }))
  const some = chart.lines.some(({ data }) => data.length > 0)
  const most = Math.max(...chart.lines.flatMap(({ data }) => data.map(({ y }) => y)), 0)
  const format = (value: number) => valueOf(value, chart.unit)
  const long = to.getTime() - from.getTime() > 24 * 3_600_000
  return (
    <div>
      <Box variant="h3">{chart.title}</Box>
      <Box variant="p" color="text-body-secondary" fontSize="body-s">
        {chart.help}
      </Box>
      <LineChart
        series={some ? [...chart.lines.map(({ title, data }) => ({ type: 'line' as const, title, data, valueFormatter: format })), ...marks] : []}
        xDomain={[from, to]}
        yDomain={[0, most > 0 ? most * 1.1 : 1]}
        xScaleType="time"
        xTickFormatter={(time) => time.toLocaleString(undefined, long ? { month: 'short', day: 'numeric' } : { hour: '2-digit', minute: '2-digit' })}
        yTickFormatter={format}
        height={160}
        hideFilter
        ariaLabel={`${chart.title} over time`}
        empty={<Box textAlign="center">Nothing was measured in this time.</Box>}
      />
    </div>
  )
}
