// Events as points of curves. Names have the group before a slash (`train/loss`, `routing/0/entropy`), as MLflow and
// TensorBoard group their charts.
import { metricsOf, type RunEvent } from '@mixlab/core'

export interface Point {
  readonly key: string
  readonly value: number
  readonly step: number
  /** Milliseconds since 1970. */
  readonly time: number
}

/** `train.loss` → `train/loss`, `routing.0.entropy` → `routing/0/entropy`; later dots belong to the metric's own name. */
const grouped = (name: string): string =>
  name.replace(/^routing\.(\d+)\.|^([^./]+)\./, (_, layer: string | undefined, group: string) =>
    layer === undefined ? `${group}/` : `routing/${layer}/`,
  )

function numbersIn(value: unknown, path: string): [key: string, value: number][] {
  if (typeof value === 'number') return [[path, value]]
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  return Object.entries(value).flatMap(([name, inner]) => numbersIn(inner, `${path}/${name}`))
}

/** The points that an event carries: its metrics at its step; of a run's result, its numbers at step 0. */
export function pointsOf(event: RunEvent): Point[] {
  const { time } = event
  if (event.type === 'run.finished')
    return numbersIn(event.result ?? {}, 'result').map(([key, value]) => ({ key, value, step: 0, time }))
  const { type, run: _run, sequence: _sequence, time: _time, ...data } = event
  const metrics: Record<string, number> = metricsOf(type, data as never)
  if (event.type === 'train.step') {
    metrics['train.learningRate'] = event.learningRate
    if (event.timing) metrics['train.tokensPerSecond'] = event.timing.tokensPerSecond
  }
  // Of a topology's events `step` is a name.
  const step = 'step' in event && typeof event.step === 'number' ? event.step : 0
  // A user's own evaluator may have put null or text where a number belongs.
  return Object.entries(metrics).flatMap(([name, value]) =>
    typeof value === 'number' ? [{ key: grouped(name), value, step, time }] : [],
  )
}
