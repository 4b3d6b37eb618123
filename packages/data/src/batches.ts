// Windows of a token stream. A training batch is a pure function of (seed, step), so that a resumed run sees the same
// ones; evaluation takes fixed or sliding windows in order.
import { MixlabError, type RandomStream } from '@mixlab/core'
import type { TokenStream } from './corpus.ts'

/** The target that a loss ignores. */
export const ignored = -100

export interface Batch {
  /** int32 [rows · length], row after row. */
  readonly inputs: Int32Array
  /** The token after each input; `ignored` where it does not count. */
  readonly targets: Int32Array
  readonly rows: number
  readonly length: number
  /** Where each row begins in the stream. */
  readonly starts: Int32Array
}

/** @throws MixlabError if not one window of `length` tokens and the one after it fits. */
function checkLength(stream: TokenStream, length: number): void {
  if (stream.tokens.length <= length) {
    throw new MixlabError(
      `contextLength is ${length}, but the ${stream.name} data have only ${stream.tokens.length} tokens; give more data${
        stream.name === 'validation' ? ', a larger validationFraction' : ''
      } or a shorter context`,
    )
  }
}

/** The windows that begin at `starts`. */
export function batchAt(stream: TokenStream, starts: Int32Array, length: number): Batch {
  const inputs = new Int32Array(starts.length * length)
  const targets = new Int32Array(starts.length * length)
  for (const [row, start] of starts.entries()) {
    inputs.set(stream.tokens.subarray(start, start + length), row * length)
    targets.set(stream.tokens.subarray(start + 1, start + length + 1), row * length)
  }
  return { inputs, targets, rows: starts.length, length, starts }
}

export const samplings = ['shuffled', 'random'] as const
export type Sampling = (typeof samplings)[number]

export interface BatchOptions {
  readonly batchSize: number
  readonly contextLength: number
  readonly rng: RandomStream
  /** Micro-batches in a step. Default 1. */
  readonly accumulation?: number
  /**
   * `shuffled` (the default): passes over the data; each cuts it into disjoint windows from an offset of its own and takes
   * them in an order of its own. `random`: windows that begin anywhere, with replacement, as nanoGPT's `get_batch`.
   */
  readonly sampling?: Sampling
}

export interface Batches {
  /**
   * The batch of a step, 1-based. With accumulation a step has several: micro-batch m holds rows m·batchSize … of what
   * one batch of all of them would be.
   */
  batch(step: number, micro?: number): Batch
}

/** Where the windows of a step begin. */
type Starts = (step: number) => Int32Array

/**
 * Training batches.
 * @throws MixlabError if the context is longer than the data.
 */
export function createBatches(stream: TokenStream, options: BatchOptions): Batches {
  const { batchSize, contextLength, rng, accumulation = 1, sampling = 'shuffled' } = options
  checkLength(stream, contextLength)
  const shape = { tokens: stream.tokens.length, length: contextLength, rows: batchSize * accumulation }
  const startsOf = sampling === 'shuffled' ? shuffledStarts(rng, shape) : randomStarts(rng, shape)
  return {
    batch: (step, micro = 0) =>
      batchAt(stream, startsOf(step).slice(micro * batchSize, (micro + 1) * batchSize), contextLength),
  }
}

interface Shape {
  readonly tokens: number
  readonly length: number
  /** Windows in a step. */
  readonly rows: number
}

function randomStarts(rng: RandomStream, { tokens, length, rows }: Shape): Starts {
  return (step) => {
    const draws = rng.at(step)
    return Int32Array.from({ length: rows }, () => draws.integer(tokens - length))
  }
}

/** Every pass has equally many windows, so that a row's pass and place follow from its number alone. */
function shuffledStarts(rng: RandomStream, { tokens, length, rows }: Shape): Starts {
  const count = Math.max(1, Math.floor((tokens - length) / length))
  const offsets = Math.min(length, tokens - count * length)
  let held: { readonly pass: number; readonly starts: Int32Array } | undefined
  const startsOfPass = (pass: number): Int32Array => {
    if (held?.pass === pass) return held.starts
    const draws = rng.stream('pass').at(pass)
    const offset = draws.integer(offsets)
    const starts = Int32Array.from({ length: count }, (_, window) => offset + window * length)
    draws.shuffle(starts)
    held = { pass, starts }
    return starts
  }
  return (step) =>
    Int32Array.from({ length: rows }, (_, row) => {
      const number = (step - 1) * rows + row
      return startsOfPass(Math.floor(number / count))[number % count]!
    })
}

/**
 * `batches` batches of windows at equal distances over the whole stream: always the same, for a validation loss that can
 * be compared between steps and runs.
 */
export function fixedBatches(
  stream: TokenStream,
  options: { batches: number; batchSize: number; contextLength: number },
): Batch[] {
  const { batches, batchSize, contextLength } = options
  checkLength(stream, contextLength)
  const count = batches * batchSize
  const last = stream.tokens.length - contextLength - 1
  return Array.from({ length: batches }, (_, index) => {
    const starts = Int32Array.from({ length: batchSize }, (_unused, row) =>
      count === 1 ? 0 : Math.round(((index * batchSize + row) * last) / (count - 1)),
    )
    return batchAt(stream, starts, contextLength)
  })
}

export interface WindowOptions {
  readonly batchSize: number
  readonly length: number
  /**
   * Tokens between the beginnings of two windows. Equal to `length` (the default): disjoint windows. Smaller: each
   * window scores only its last `stride` targets, with what came before as context.
   */
  readonly stride?: number
  /** Score the stream's last tokens, too, in windows that end before `length`: their rest is filled up and ignored. */
  readonly tail?: boolean
}

/** Windows in order; each target that is not `ignored` is scored exactly once. */
export function* windows(
  stream: TokenStream,
  { batchSize, length, stride = length, tail = false }: WindowOptions,
): Generator<Batch> {
  checkLength(stream, length)
  if (stride < 1 || stride > length)
    throw new MixlabError(`stride is ${stride}, expected 1 … ${length} (the window's length)`)
  const targets = stream.tokens.length - 1
  const starts: number[] = []
  for (let start = 0, scored = 0; scored < targets; start += stride) {
    const end = Math.min(start + length, targets)
    if (end < start + length && !tail) break
    starts.push(start)
    scored = end
  }
  for (let first = 0; first < starts.length; first += batchSize) {
    const batch = batchAt(stream, Int32Array.from(starts.slice(first, first + batchSize)), length)
    for (const [row, start] of batch.starts.entries()) {
      const scoredBefore = start === 0 ? 0 : Math.min(start - stride + length, targets) - start
      batch.targets.fill(ignored, row * length, row * length + scoredBefore)
      batch.targets.fill(ignored, row * length + Math.max(0, targets - start), (row + 1) * length)
    }
    yield batch
  }
}
