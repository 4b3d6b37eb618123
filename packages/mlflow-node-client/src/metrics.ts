// Metric points on the wire, and what is logged to a run cut into requests that the server takes.
import { invalid } from './errors.ts'
import { checkKey, checkLength, checkTag, limits } from './names.ts'
import { fromWireNumber, type Tags, toWireNumber, type WireNumber } from './wire.ts'

export interface MetricPoint {
  readonly key: string
  /** NaN and infinities are allowed. */
  readonly value: number
  /** ms since 1970; now, where it is left out. Give it where a point may be sent twice: a SQL store keeps equal points once. */
  readonly timestamp?: number | undefined
  /** 0 where it is left out; may be negative. */
  readonly step?: number | undefined
  /** The logged model and the dataset that the value was measured on. */
  readonly modelId?: string | undefined
  readonly datasetName?: string | undefined
  readonly datasetDigest?: string | undefined
}

export interface Metric {
  readonly key: string
  /** ±Infinity stands for the largest double as well: a SQL store does not tell them apart. */
  readonly value: number
  readonly timestamp: number
  readonly step: number
  readonly modelId: string | undefined
  readonly datasetName: string | undefined
  readonly datasetDigest: string | undefined
}

export interface WireMetric {
  key: string
  value?: WireNumber
  timestamp?: WireNumber
  step?: WireNumber
  model_id?: string
  dataset_name?: string
  dataset_digest?: string
}

export const fromWireMetric = (wire: WireMetric): Metric => ({
  key: wire.key,
  value: fromWireNumber(wire.value),
  timestamp: Number(wire.timestamp ?? 0),
  step: Number(wire.step ?? 0),
  modelId: wire.model_id || undefined,
  datasetName: wire.dataset_name || undefined,
  datasetDigest: wire.dataset_digest || undefined,
})

/** @throws MlflowError `INVALID_ARGUMENT` for what the server would refuse. */
export const toWireMetric = (point: MetricPoint, now: number): WireMetric => {
  const { key, value, step = 0, timestamp = now } = point
  if (typeof value !== 'number')
    throw invalid(`the metric "${key}" has the value ${JSON.stringify(value)}; it has to be a number`)
  if (!Number.isSafeInteger(step)) throw invalid(`the metric "${key}" has the step ${step}; it has to be an integer`)
  if (!Number.isSafeInteger(timestamp) || timestamp < 0)
    throw invalid(`the metric "${key}" has the timestamp ${timestamp}; it has to be a whole number of ms since 1970`)
  const wire: WireMetric = { key, value: toWireNumber(value), timestamp, step }
  if (point.modelId !== undefined) wire.model_id = point.modelId
  if (point.datasetName !== undefined) wire.dataset_name = point.datasetName
  if (point.datasetDigest !== undefined) wire.dataset_digest = point.datasetDigest
  return wire
}

export interface Batch {
  readonly metrics?: Iterable<MetricPoint> | undefined
  /** Write-once: another value for a key that a run has already is refused by the server. */
  readonly params?: Readonly<Record<string, string | number | boolean>> | undefined
  readonly tags?: Tags | undefined
}

/** Everything in the batch as JSON bodies of `log-batch`: parameters and tags first, metrics in their order. */
export function* requests(runId: string, batch: Batch): Generator<string, void, undefined> {
  const head = `{"run_id":${JSON.stringify(runId)}`
  const overhead = Buffer.byteLength(head) + '"metrics":[],"params":[],"tags":[]}'.length + 4
  const held = { metrics: [] as string[], params: [] as string[], tags: [] as string[] }
  let bytes = overhead
  let items = 0
  const take = (): string => {
    const lists = (Object.keys(held) as (keyof typeof held)[]).filter((kind) => held[kind].length > 0)
    const body = `${head}${lists.map((kind) => `,"${kind}":[${held[kind].join(',')}]`).join('')}}`
    for (const kind of lists) held[kind] = []
    bytes = overhead
    items = 0
    return body
  }
  for (const [kind, item] of encoded(batch)) {
    const size = Buffer.byteLength(item) + 1
    if (items === limits.batch.items || held[kind].length === limits.batch[kind] || bytes + size > limits.batch.bytes)
      yield take()
    held[kind].push(item)
    bytes += size
    items++
  }
  if (items > 0) yield take()
}

function* encoded(batch: Batch): Generator<readonly ['metrics' | 'params' | 'tags', string], void, undefined> {
  for (const [key, value] of Object.entries(batch.params ?? {})) {
    checkKey('parameter', key)
    checkLength(`the value of the parameter "${key}"`, String(value), limits.paramValueLength)
    yield ['params', JSON.stringify({ key, value: String(value) })]
  }
  for (const [key, value] of Object.entries(batch.tags ?? {})) {
    checkTag(key, value)
    yield ['tags', JSON.stringify({ key, value })]
  }
  const now = Date.now()
  // A run has few keys and many points.
  const checked = new Set<string>()
  for (const point of batch.metrics ?? []) {
    if (!checked.has(point.key)) {
      checkKey('metric', point.key)
      checked.add(point.key)
    }
    yield ['metrics', JSON.stringify(toWireMetric(point, now))]
  }
}
