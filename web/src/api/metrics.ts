import { segment, slipway } from './slipway'

export interface MetricPoint {
  time: string
  samples: number
  sum: number
  average: number
  minimum: number
  maximum: number
  p50?: number
  p90?: number
  p95?: number
  p99?: number
}

export interface MetricSeries {
  instance?: string
  points: MetricPoint[]
}

export interface Metric {
  name: string
  unit: string
  help: string
  series: MetricSeries[]
}

export interface MetricsAnswer {
  from: string
  to: string
  period: number // seconds
  metrics: Metric[]
}

interface Wanted {
  minutes: number // back from now
  names?: string[]
  instances?: boolean
}

export function metricsOf(service: string, { minutes, names = [], instances = false }: Wanted): Promise<MetricsAnswer> {
  const query = new URLSearchParams({ from: new Date(Date.now() - minutes * 60_000).toISOString() })
  for (const name of names) query.append('metric', name)
  if (instances) query.append('instances', 'all')
  return slipway.get<MetricsAnswer>(`services/${segment(service)}/metrics?${query.toString()}`)
}

// latestOf is the average of the last minute that is known of an instance.
export function latestOf(answer: MetricsAnswer | undefined, name: string, instance: string): number | undefined {
  const metric = answer?.metrics.find((m) => m.name === name)
  return metric?.series.find((s) => s.instance === instance)?.points.at(-1)?.average
}
