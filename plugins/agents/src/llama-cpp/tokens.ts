// The tokens of a reply, one after the other. Usually llama.cpp draws them. It tells probabilities only of what its
// temperature and top-p have left, so that with log-probabilities the logits come here and our own sampling draws: the
// same distribution, other draws for the same seed.
import { RandomStream } from '@mixlab/core'
import { checkSampling, drawToken, tokenProbabilities } from '@mixlab/nn'
import type { TokenLogProbability } from '@mixlab/agents'
import type { LlamaContextSequence, SequenceEvaluateOptions, Token } from 'node-llama-cpp'

export interface DrawnToken {
  readonly token: Token
  readonly logProbability?: TokenLogProbability
}

export interface DrawOptions {
  readonly temperature: number
  readonly topP: number
  readonly seed: number
  /** Alternatives of each token; undefined: no log-probabilities. */
  readonly logProbabilities?: number | undefined
  readonly evaluate?: SequenceEvaluateOptions
  readonly signal: AbortSignal
}

/** Tokens of a prompt that are read between two looks at the signal. */
const promptPiece = 512

/** Reads a prompt into an empty sequence and yields tokens until the model says that it has finished. */
export async function* drawTokens(
  sequence: LlamaContextSequence,
  prompt: readonly Token[],
  options: DrawOptions,
): AsyncGenerator<DrawnToken, void> {
  let read = 0
  for (; prompt.length - read > promptPiece; read += promptPiece) {
    options.signal.throwIfAborted()
    await sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(read, read + promptPiece))
  }
  const rest = prompt.slice(read)
  if (options.logProbabilities !== undefined) yield* drawHere(sequence, rest, options, options.logProbabilities)
  else {
    const { temperature, topP, seed, evaluate } = options
    for await (const token of sequence.evaluate(rest, { temperature, topP, seed, ...evaluate })) yield { token }
  }
}

async function* drawHere(
  sequence: LlamaContextSequence,
  prompt: readonly Token[],
  { temperature, topP, seed }: DrawOptions,
  alternatives: number,
): AsyncGenerator<DrawnToken, void> {
  const { model } = sequence
  const sampling = checkSampling({ temperature, topP })
  const rng = new RandomStream(seed, 'generation')
  let next = prompt
  for (;;) {
    const last = next.at(-1)!
    // Without a temperature its samplers leave the logits as they are.
    const input = [...next.slice(0, -1), [last, { generateNext: { logits: true } }] satisfies [Token, object]]
    const found = (await sequence.controlledEvaluate(input)).at(-1)!.next.logits!
    // Sorted, the largest first.
    const tokens = [...found.keys()]
    const logits = Float32Array.from(found.values())
    const probabilities = tokenProbabilities(logits, sampling, [])
    const index = drawToken(probabilities, rng)
    const token = tokens[index]!
    if (model.isEogToken(token)) return
    const total = logits[0]! + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - logits[0]!), 0))
    const of = (at: number) => ({ token: model.detokenize([tokens[at]!], true), logProbability: logits[at]! - total })
    const best = Array.from({ length: Math.min(alternatives, tokens.length) }, (_, at) => of(at))
    yield { token, logProbability: { ...of(index), ...(alternatives > 0 && { alternatives: best }) } }
    next = [token]
  }
}
