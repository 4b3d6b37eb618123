// Windows of a token stream. Training batches are random windows (nanoGPT's get_batch), each a pure function of
// (seed, step), so that a resumed run sees the same ones; evaluation takes fixed or sliding windows in order.
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

export interface BatchOptions {
  readonly batchSize: number
  readonly contextLength: number
  readonly rng: RandomStream
}

export interface Batches {
  /**
   * The batch of a step. With accumulation a step has several: micro-batch m holds rows m·batchSize … of what one
   * batch of all of them would be.
   */
  batch(step: number, micro?: number): Batch
}

/**
 * Random windows with replacement.
 * @throws MixlabError if the context is longer than the data.
 */
export function createBatches(stream: TokenStream, { batchSize, contextLength, rng }: BatchOptions): Batches {
  checkLength(stream, contextLength)
  return {
    batch(step, micro = 0) {
      const draws = rng.at(step)
      const starts = new Int32Array(batchSize)
      for (let skipped = 0; skipped < micro * batchSize; skipped++) draws.integer(stream.tokens.length - contextLength)
      for (let row = 0; row < batchSize; row++) starts[row] = draws.integer(stream.tokens.length - contextLength)
      return batchAt(stream, starts, contextLength)
    },
  }
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
