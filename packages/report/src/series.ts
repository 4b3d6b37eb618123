// A run's events folded into columns of numbers, one pass, whatever is missing: a run that died before its first step, one
// that never trained (agents), one that was interrupted and resumed. Non-finite numbers are kept here (that a loss became
// NaN is a finding) and dropped where something is drawn.
import type { LabelledMatrix, RunEvent } from '@mixlab/core'

export interface Point {
  /** Optimizer steps done. */
  readonly step: number
  readonly value: number
}

export type Series = readonly Point[]

/** What the members of one mixture layer (experts, or agents) received over time. */
export interface LayerRouting {
  readonly layer: number
  readonly router: string
  readonly members: readonly string[]
  readonly steps: readonly number[]
  /** load[i][m]: the share of member m at steps[i]. */
  readonly load: readonly (readonly number[])[]
  readonly entropy: Series
  readonly maxViolation: Series
  readonly dropped: Series
}

export interface Evaluation {
  readonly evaluator: string
  /** By metric, over the steps at which the evaluator ran. */
  readonly metrics: ReadonlyMap<string, Series>
  /** From the last evaluation that had each. */
  readonly matrices: ReadonlyMap<string, LabelledMatrix>
}

export interface RunSeries {
  readonly parameters?: number
  readonly activeParameters?: number
  readonly plannedSteps?: number
  readonly tokensPerStep?: number
  readonly loss: Series
  readonly learningRate: Series
  readonly gradientNorm: Series
  /** The parts of the loss by name, unweighted: `crossEntropy`, `balance`, `z`, … */
  readonly losses: ReadonlyMap<string, Series>
  readonly tokensPerSecond: Series
  readonly lastStep: number
  readonly tokens: number
  readonly peakBytes: number
  /** In the order of their index. */
  readonly layers: readonly LayerRouting[]
  readonly evaluations: ReadonlyMap<string, Evaluation>
  readonly warnings: readonly string[]
  readonly notes: readonly string[]
  readonly artifacts: readonly { readonly path: string; readonly title: string }[]
  readonly counts: ReadonlyMap<string, number>
  readonly resumedAt: readonly number[]
  readonly error?: string
}

interface MutableLayer {
  layer: number
  router: string
  members: readonly string[]
  steps: number[]
  load: (readonly number[])[]
  entropy: Point[]
  maxViolation: Point[]
  dropped: Point[]
}

const KEPT_MESSAGES = 100

const at = <K, V>(map: Map<K, V>, key: K, make: () => V): V => {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}

type TrainStep = Extract<RunEvent, { type: 'train.step' }>
type Routing = Extract<RunEvent, { type: 'mixture.routing' }>
type EvalResult = Extract<RunEvent, { type: 'eval.result' }>

function addRouting(layers: Map<number, MutableLayer>, event: Routing): void {
  const { step, router, members } = event
  const layer = at(layers, event.layer, () => ({
    layer: event.layer,
    router,
    members,
    steps: [],
    load: [],
    entropy: [],
    maxViolation: [],
    dropped: [],
  }))
  if (members.length > layer.members.length) layer.members = members
  layer.steps.push(step)
  layer.load.push(event.load)
  layer.entropy.push({ step, value: event.entropy })
  layer.maxViolation.push({ step, value: event.maxViolation })
  layer.dropped.push({ step, value: event.dropped })
}

interface MutableEvaluation extends Evaluation {
  readonly metrics: Map<string, Point[]>
  readonly matrices: Map<string, LabelledMatrix>
}

function addEvaluation(evaluations: Map<string, MutableEvaluation>, event: EvalResult): void {
  const { evaluator, step } = event
  const evaluation = at(evaluations, evaluator, () => ({ evaluator, metrics: new Map(), matrices: new Map() }))
  for (const [name, value] of Object.entries(event.metrics)) {
    if (typeof value === 'number') at(evaluation.metrics, name, () => []).push({ step, value })
  }
  for (const [name, matrix] of Object.entries(event.matrices ?? {})) evaluation.matrices.set(name, matrix)
}

/** Folds events into series. An unreadable log ends the fold with a warning; what came before stays. */
export async function collectSeries(events: AsyncIterable<RunEvent> | Iterable<RunEvent>): Promise<RunSeries> {
  const loss: Point[] = []
  const learningRate: Point[] = []
  const gradientNorm: Point[] = []
  const tokensPerSecond: Point[] = []
  const losses = new Map<string, Point[]>()
  const layers = new Map<number, MutableLayer>()
  const evaluations = new Map<string, MutableEvaluation>()
  const counts = new Map<string, number>()
  const warnings: string[] = []
  const notes: string[] = []
  const artifacts: { path: string; title: string }[] = []
  const resumedAt: number[] = []
  const totals = { lastStep: 0, tokens: 0, peakBytes: 0 }
  let started: Extract<RunEvent, { type: 'train.started' }> | undefined
  let error: string | undefined

  const warn = (message: string): void => {
    if (warnings.length < KEPT_MESSAGES && !warnings.includes(message)) warnings.push(message)
  }
  const addStep = (event: TrainStep): void => {
    const { step } = event
    loss.push({ step, value: event.loss })
    learningRate.push({ step, value: event.learningRate })
    gradientNorm.push({ step, value: event.gradientNorm })
    for (const [name, value] of Object.entries(event.losses)) at(losses, name, () => []).push({ step, value })
    if (event.timing) {
      tokensPerSecond.push({ step, value: event.timing.tokensPerSecond })
      totals.peakBytes = Math.max(totals.peakBytes, event.timing.bytes)
    }
    totals.lastStep = Math.max(totals.lastStep, step)
    totals.tokens = Math.max(totals.tokens, event.tokens)
  }

  try {
    for await (const event of events) {
      counts.set(event.type, (counts.get(event.type) ?? 0) + 1)
      if (event.type === 'train.step') addStep(event)
      else if (event.type === 'mixture.routing') addRouting(layers, event)
      else if (event.type === 'eval.result') addEvaluation(evaluations, event)
      else if (event.type === 'train.started') started = event
      else if (event.type === 'warning') warn(event.message)
      else if (event.type === 'subscriber.failed') warn(`${event.subscriber} failed: ${event.message}`)
      else if (event.type === 'note' && notes.length < KEPT_MESSAGES) notes.push(event.message)
      else if (event.type === 'artifact.logged') artifacts.push({ path: event.path, title: event.title })
      else if (event.type === 'run.resumed') resumedAt.push(event.step)
      else if (event.type === 'run.finished') error = event.error
    }
  } catch (failure) {
    warn(`the events end here: ${failure instanceof Error ? failure.message : String(failure)}`)
  }

  return {
    ...(started && {
      parameters: started.parameters,
      activeParameters: started.activeParameters,
      plannedSteps: started.steps,
      tokensPerStep: started.tokensPerStep,
    }),
    ...totals,
    ...(error !== undefined && { error }),
    loss,
    learningRate,
    gradientNorm,
    losses,
    tokensPerSecond,
    evaluations,
    layers: [...layers.values()].toSorted((a, b) => a.layer - b.layer),
    warnings,
    notes,
    artifacts,
    counts,
    resumedAt,
  }
}

/** What a `step` of `mixture.routing` counts. */
export const routingUnit = ({ counts }: RunSeries): 'question' | 'step' =>
  counts.has('questions.started') ? 'question' : 'step'

/** The last finite value. */
export const last = (series: Series | undefined): number | undefined =>
  series?.findLast((point) => Number.isFinite(point.value))?.value

/** The median of the finite values: a throughput that a pause does not spoil. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.filter(Number.isFinite).toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length === 0) return undefined
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** A metric of an evaluator over steps; `expert-load` may be logged as `expert-load` or with a path after it. */
export const metricSeries = (run: RunSeries, evaluator: string, metric: string): Series | undefined =>
  run.evaluations.get(evaluator)?.metrics.get(metric)
