// What a step's readings mean: numbers for the host, events, and the batch as an artifact when they are not finite.
import { countsOf, type Emit, type LayerLoad, type MixlabEvents, routingEvent, type RunContext } from '@mixlab/core'
import type { Batches, Corpus } from '@mixlab/data'

import type { StepResult } from './step.ts'

export interface StepReadings {
  readonly loss: number
  readonly losses: Readonly<Record<string, number>>
  readonly gradientNorm: number
  readonly layers: readonly LayerLoad[]
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** @param values the scalars of `result`, then the offsets of each of its routings. */
export function readStep(result: StepResult, values: readonly ArrayLike<number>[]): StepReadings {
  const [scalars = [], ...offsets] = values
  const width = result.names.length + 1
  const micros = Math.round((scalars.length - 1) / width)
  const column = (index: number) => Array.from({ length: micros }, (_, micro) => scalars[micro * width + index]!)
  const layers = new Map<number, LayerLoad>()
  for (const [index, { layer, router, members, requested }] of result.routings.entries()) {
    const earlier = layers.get(layer)
    layers.set(layer, {
      layer,
      router,
      members,
      counts: countsOf(offsets[index]!).map((count, member) => count + (earlier?.counts[member] ?? 0)),
      requested: requested + (earlier?.requested ?? 0),
    })
  }
  return {
    // Each micro-batch's total was already divided by their number.
    loss: sum(column(0)),
    losses: Object.fromEntries(result.names.map((name, index) => [name, sum(column(index + 1)) / micros])),
    gradientNorm: scalars[scalars.length - 1]!,
    layers: [...layers.values()],
  }
}

type StepAbout = Omit<MixlabEvents['train.step'], 'loss' | 'losses' | 'gradientNorm'>

/** Emits `train.step` and one `mixture.routing` for each mixture layer that was observed. */
export function emitStep(emit: Emit, { loss, losses, gradientNorm, layers }: StepReadings, about: StepAbout): void {
  const { step, learningRate, tokens, timing } = about
  emit('train.step', { step, loss, losses, learningRate, gradientNorm, tokens, ...(timing && { timing }) })
  for (const layer of layers) emit('mixture.routing', routingEvent(step, layer))
}

/** Writes the batch of a step, as tokens and text, into the run's artifacts; returns the path relative to the run. */
export async function saveBatch(
  run: RunContext,
  {
    corpus,
    batches,
    step,
    micros,
    about,
  }: { corpus: Corpus; batches: Batches; step: number; micros: number; about: object },
): Promise<string> {
  const rows = Array.from({ length: micros }, (_, micro) => batches.batch(step, micro)).flatMap(
    ({ inputs, starts, length }) =>
      Array.from(starts, (start, row) => {
        const tokens = [...inputs.subarray(row * length, (row + 1) * length)]
        return { start, text: corpus.tokenizer.decode(tokens), tokens }
      }),
  )
  const path = `artifacts/not-finite-step-${step}.json`
  await run.directory.write(path, `${JSON.stringify({ step, ...about, rows }, undefined, 1)}\n`)
  run.emit('artifact.logged', { path, title: `The batch of step ${step}, at which the loss was not finite` })
  return path
}
