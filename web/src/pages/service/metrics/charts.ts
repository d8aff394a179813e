import type { Metric, MetricPoint, MetricsAnswer } from '../../../api/metrics'

export interface Line {
  title: string
  data: { x: Date; y: number }[]
}

export interface Chart {
  title: string
  unit: string
  help: string
  lines: Line[]
}

const line = (title: string, metric: Metric | undefined, value: (point: MetricPoint) => number | undefined): Line => ({
  title,
  data: (metric?.series.find((series) => !series.instance)?.points ?? []).flatMap((point) => {
    const y = value(point)
    return y === undefined ? [] : [{ x: new Date(point.time), y }]
  }),
})

const status = ['2xxStatusResponses', '4xxStatusResponses', '5xxStatusResponses']

// lines are what is drawn of a metric: sums of counts, percentiles of times, averages of the rest.
function lines(metric: Metric): Line[] {
  if (metric.unit === 'Milliseconds') {
    return [line('p50', metric, (p) => p.p50), line('p95', metric, (p) => p.p95), line('p99', metric, (p) => p.p99)]
  }
  if (metric.unit === 'Percent') return [line('Average', metric, (p) => p.average), line('Maximum', metric, (p) => p.maximum)]
  if (metric.name === 'Concurrency' || metric.name === 'ActiveInstances') return [line('Maximum', metric, (p) => p.maximum)]
  return [line('Sum', metric, (p) => p.sum)]
}

const titles: Record<string, string> = {
  Requests: 'Requests',
  RequestLatency: 'Request latency',
  ActiveInstances: 'Active instances',
  CPUUtilization: 'CPU utilization',
  MemoryUtilization: 'Memory utilization',
  Concurrency: 'Concurrency',
  QueueTime: 'Queue time',
  WakeTime: 'Wake time',
  ColdStarts: 'Cold starts',
}

// charts are the charts of an answer: one for each metric, and one for all statuses of responses.
export function charts(answer: MetricsAnswer): Chart[] {
  const single = answer.metrics.filter(({ name }) => !status.includes(name))
  const all = single.map((metric): Chart => ({ title: titles[metric.name] ?? metric.name, unit: metric.unit, help: metric.help, lines: lines(metric) }))
  const responses = status.map((name) => line(name.slice(0, 3), answer.metrics.find((m) => m.name === name), (p) => p.sum))
  return [...all, { title: 'Responses by status', unit: 'Count', help: 'Responses of the application, by the class of their status.', lines: responses }]
}

// valueOf writes a value of a chart.
export function valueOf(value: number, unit: string): string {
  const text = value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toPrecision(3)
  return unit === 'Percent' ? `${text} %` : unit === 'Milliseconds' ? `${text} ms` : text
}
