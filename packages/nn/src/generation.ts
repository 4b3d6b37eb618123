// Continuing token sequences. With the key-value cache each token costs one position; beyond the model's context, where
// positions would have to move, the last contextLength tokens are read anew for each token, as nanoGPT does. Prompts of
// one length run together; each prompt has random numbers of its own, so its continuation does not depend on the others.
import { setImmediate } from 'node:timers/promises'
import { interrupted, MixlabError, RandomStream } from '@mixlab/core'
import { activeEngine, type Repeated, tf } from '@mixlab/tensor'
import type { KeyValueCache } from './cache.ts'
import type { LanguageModel } from './language-model.ts'
import { checkSampling, chooseToken, type SamplingOptions } from './sampling.ts'

export interface GenerationOptions extends SamplingOptions {
  /** How many tokens to add to each prompt, at most. */
  readonly maxTokens: number
  readonly seed?: number
  /** Token ids that end a continuation; they are not part of it. */
  readonly stop?: readonly number[]
  /** False reads the whole sequence anew for each token: slower, the same tokens. Default true. */
  readonly cache?: boolean
  readonly signal?: AbortSignal
  /** Also yield what each token was drawn from. Default false. */
  readonly logits?: boolean
}

export interface GeneratedToken {
  /** Index of the prompt. */
  readonly prompt: number
  readonly token: number
  /** The model's own [V], before penalty and temperature. Shares memory with those of other prompts. */
  readonly logits?: Float32Array
}

interface Sequence {
  readonly prompt: number
  readonly tokens: number[]
  readonly rng: RandomStream
  open: boolean
}

/**
 * Continues each prompt and yields tokens as they are drawn.
 * @throws MixlabError on an empty prompt, a token outside the vocabulary or a setting outside its range.
 */
export async function* generateStream(
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  options: GenerationOptions,
): AsyncGenerator<GeneratedToken, void> {
  checkPrompts(model, prompts)
  const rng = new RandomStream(options.seed ?? 0, 'generation')
  const sequences = prompts.map((tokens, prompt) => ({
    prompt,
    tokens: [...tokens],
    rng: rng.stream(String(prompt)),
    open: true,
  }))
  for (const group of Map.groupBy(sequences, ({ tokens }) => tokens.length).values())
    yield* continueGroup(model, group, options)
}

/**
 * Continuations, without their prompts.
 * @throws MixlabError as `generateStream` does
 */
export async function generate(
  model: LanguageModel,
  prompt: readonly number[],
  options: GenerationOptions,
): Promise<number[]>
export async function generate(
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  options: GenerationOptions,
): Promise<number[][]>
export async function generate(
  model: LanguageModel,
  given: readonly number[] | readonly (readonly number[])[],
  options: GenerationOptions,
): Promise<number[] | number[][]> {
  const one = typeof given[0] === 'number' || given.length === 0
  const prompts = (one ? [given] : given) as readonly (readonly number[])[]
  const continuations: number[][] = prompts.map(() => [])
  for await (const { prompt, token } of generateStream(model, prompts, options)) continuations[prompt]!.push(token)
  return one ? continuations[0]! : continuations
}

function checkPrompts(model: LanguageModel, prompts: readonly (readonly number[])[]): void {
  for (const [index, prompt] of prompts.entries()) {
    if (prompt.length === 0)
      throw new MixlabError(`prompt ${index} is empty: give the model at least one token to continue`)
    const bad = prompt.find((token) => !(Number.isInteger(token) && token >= 0 && token < model.vocabulary))
    if (bad !== undefined) {
      throw new MixlabError(
        `prompt ${index} has the token ${bad}, but the vocabulary has ${model.vocabulary} (0 … ${model.vocabulary - 1})`,
      )
    }
  }
}

/** Whoever wants to interrupt is heard after so long at most, or one token. */
const turnMilliseconds = 50

/** Continues sequences of one length together. */
async function* continueGroup(
  model: LanguageModel,
  sequences: readonly Sequence[],
  options: GenerationOptions,
): AsyncGenerator<GeneratedToken, void> {
  const sampling = checkSampling(options)
  const stop = new Set(options.stop)
  const start = sequences[0]!.tokens.length
  const capacity = Math.min(model.contextLength, start + options.maxTokens)
  const cache = options.cache === false ? undefined : model.createCache(sequences.length, capacity)
  const next = cache && nextToken(model, sequences.length, cache)
  let turn = performance.now()
  try {
    for (let added = 0; added < options.maxTokens && sequences.some(({ open }) => open); added++) {
      if (performance.now() - turn > turnMilliseconds) {
        await setImmediate()
        turn = performance.now()
      }
      if (options.signal?.aborted) throw interrupted('generation was interrupted')
      const found = lastLogits(model, sequences, cache, next)
      const logits = found instanceof Promise ? await found : found
      for (const [row, sequence] of sequences.entries()) {
        const own = logits.subarray(row * model.vocabulary, (row + 1) * model.vocabulary)
        const token = chooseToken(own, sampling, sequence.tokens, sequence.rng)
        sequence.tokens.push(token)
        if (stop.has(token)) sequence.open = false
        if (sequence.open) yield { prompt: sequence.prompt, token, ...(options.logits && { logits: own }) }
      }
    }
  } finally {
    next?.dispose()
    cache?.dispose()
  }
}

/** Logits [B, V] of one token of each sequence, for engines that need not be told each time how. */
function nextToken(model: LanguageModel, batch: number, cache: KeyValueCache): Repeated | undefined {
  if (!model.repeatsTokens) return undefined
  return activeEngine()?.repeated?.(
    tf.keep(tf.zeros([batch, 1], 'int32')),
    (tokens_B1) => model.forward(tokens_B1 as tf.Tensor2D, { training: false, positions: 'last', cache }).logits,
  )
}

/** Logits of each sequence's next token [B, V], reading only what the cache does not hold. */
function lastLogits(
  model: LanguageModel,
  sequences: readonly Sequence[],
  cache: KeyValueCache | undefined,
  next: Repeated | undefined,
): Float32Array | Promise<Float32Array> {
  const length = sequences[0]!.tokens.length
  const cached = cache && length <= cache.length
  const from = cached ? cache.position : Math.max(0, length - model.contextLength)
  if (cached && next && from === length - 1) {
    const logits = next.run(Int32Array.from(sequences, ({ tokens }) => tokens.at(-1)!)) as Float32Array
    // Where the model was not asked, it has not told.
    cache.advance(length - cache.position)
    return logits
  }
  return valuesOf(
    tf.tidy(() => {
      const rows = sequences.map(({ tokens }) => tokens.slice(from))
      const tokens_BT = tf.tensor2d(rows.flat(), [rows.length, length - from], 'int32')
      return model.forward(tokens_BT, { training: false, positions: 'last', ...(cached && { cache }) }).logits
    }),
  )
}

/** Values of a tensor that is disposed of. */
async function valuesOf(logits: tf.Tensor): Promise<Float32Array> {
  try {
    return (await logits.data()) as Float32Array
  } finally {
    logits.dispose()
  }
}
