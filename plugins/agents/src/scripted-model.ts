// A chat model without a model: a function gives the text, and latency, token counts and failures are drawn. Everything is
// drawn from streams that are keyed by the request, or by the call where the caller says which it is, never by the order of
// calls: a run of scripted agents is the same however it was scheduled. A token is a word.
import { createHash } from 'node:crypto'
import {
  ChatFailure,
  type ChatChunk,
  type ChatModel,
  type ChatReply,
  type ChatRequest,
  type FailureKind,
  type FinishReason,
  type GenerateOptions,
} from '@mixlab/agents'
import { RandomStream } from '@mixlab/core'
import { lastReply } from './whole-reply.ts'

/** Milliseconds: always the same, uniform, or log-normal (`spread`: the standard deviation of the logarithm). */
export type Duration =
  | number
  | { readonly min: number; readonly max: number }
  | { readonly median: number; readonly spread: number }

export interface ScriptedText {
  readonly text: string
  /** What log-probabilities say of every token. */
  readonly probability?: number
  readonly reasoning?: string
}

export interface ScriptedDraws {
  /** This call's own. */
  readonly own: RandomStream
  /** The same for everyone who asks for that name. */
  common(name: string): RandomStream
}

export interface ScriptedModelOptions {
  /** The model's name; part of a recording's key: models that answer differently need different ones. */
  readonly name: string
  /** What it says, before limits and stops. @throws ChatFailure where it cannot answer */
  readonly text: (request: ChatRequest, draws: ScriptedDraws) => string | ScriptedText | Promise<string | ScriptedText>
  readonly seed?: number
  /** To the first token. Default 0. */
  readonly latencyMs?: Duration
  readonly msPerToken?: number
  /**
   * Probabilities of failures; each try draws anew. `timeout` never answers, `endless` never stops; `truncated`,
   * `connection` and `malformed` come in the middle of the reply, the others instead of it.
   */
  readonly failures?: Partial<Record<FailureKind, number>>
  /** What it asks to wait when it is `rate-limit` or `overloaded`. */
  readonly retryAfterMs?: number
  /** Goes on when its signal is aborted, as some providers do. */
  readonly deaf?: boolean
}

/** Words with the space before them: joined they are the text again. */
export const scriptedTokens = (text: string): string[] => text.match(/\s*\S+(?:\s+$)?|\s+$/g) ?? []

const never = 2 ** 31 - 1

function drawDuration(duration: Duration, rng: RandomStream): number {
  if (typeof duration === 'number') return duration
  if ('min' in duration) return duration.min + (duration.max - duration.min) * rng.uniform()
  return duration.median * Math.exp(duration.spread * rng.normal())
}

/** @throws the signal's reason as soon as it is aborted */
async function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted()
  if (ms < 1) return
  await new Promise<void>((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer)
      reject(signal!.reason as Error)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', end)
      resolve()
    }, ms)
    signal?.addEventListener('abort', end, { once: true })
  })
}

const requestHash = (request: ChatRequest): string => createHash('sha256').update(JSON.stringify(request)).digest('hex')

interface Script {
  readonly tokens: readonly string[]
  readonly reply: ChatReply
}

/** The text within the request's limits, as a reply. */
function scriptOf(request: ChatRequest, given: string | ScriptedText): Script {
  const { text, reasoning, probability } = typeof given === 'string' ? ({ text: given } as ScriptedText) : given
  const thoughts = scriptedTokens(reasoning ?? '')
  const cut = Math.min(text.length, ...(request.stop ?? []).map((stop) => text.indexOf(stop)).filter((at) => at >= 0))
  const all = scriptedTokens(text.slice(0, cut))
  const tokens = all.slice(0, Math.max(0, (request.maxTokens ?? Infinity) - thoughts.length))
  const finishReason: FinishReason = tokens.length < all.length ? 'length' : 'stop'
  const asked = request.logProbabilities !== undefined
  return {
    tokens,
    reply: {
      text: tokens.join(''),
      ...(reasoning !== undefined && { reasoning }),
      finishReason,
      usage: {
        inputTokens: request.messages.reduce((sum, { content }) => sum + scriptedTokens(content).length, 0),
        outputTokens: tokens.length + thoughts.length,
        ...(reasoning !== undefined && { reasoningTokens: thoughts.length }),
      },
      ...(asked &&
        probability !== undefined && {
          logProbabilities: tokens.map((token) => ({ token, logProbability: Math.log(probability) })),
        }),
      warnings: asked && probability === undefined ? ['this script has no log-probabilities'] : [],
    },
  }
}

const inTheMiddle: readonly FailureKind[] = ['truncated', 'connection', 'malformed', 'endless']

/** A model that says what `text` returns. */
export function scriptedModel(options: ScriptedModelOptions): ChatModel {
  const { name, seed = 0, latencyMs = 0, msPerToken = 0, failures = {}, deaf = false } = options
  // How often a call was tried, until it succeeds: so that another try can have another fate, whether or not the caller's
  // random numbers differ from try to try.
  const tries = new Map<string, number>()

  const failureFor = (drawn: RandomStream, key: string): FailureKind | undefined => {
    const before = tries.get(key) ?? 0
    let draw = drawn.stream(`failure/${before}`).uniform()
    for (const [kind, share] of Object.entries(failures)) {
      if (draw < share) {
        tries.set(key, before + 1)
        return kind as FailureKind
      }
      draw -= share
    }
    tries.delete(key)
    return undefined
  }

  const failing = (kind: FailureKind): ChatFailure => {
    const waits = kind === 'rate-limit' || kind === 'overloaded'
    return new ChatFailure(kind, `scripted:${name} failed as its script has it: ${kind}`, {
      ...(waits && options.retryAfterMs !== undefined && { retryAfterMs: options.retryAfterMs }),
    })
  }

  async function* stream(request: ChatRequest, { signal, rng }: GenerateOptions): AsyncGenerator<ChatChunk> {
    const heard = deaf ? undefined : signal
    heard?.throwIfAborted()
    const hash = requestHash(request)
    // A seed in the request is a promise: equal requests have equal replies, whichever call they belong to.
    const drawn =
      rng === undefined || request.seed !== undefined
        ? new RandomStream(seed, `scripted/${name}/${hash}`)
        : rng.stream(`scripted/${name}/${seed}`)
    // What it says is the same at every try.
    const own = drawn.at(0)
    const common = (what: string): RandomStream => new RandomStream(rng?.seed ?? seed, `scripted/common/${what}`)
    const failure = failureFor(drawn, `${hash}/${own.key.join('/')}`)
    const begin = performance.now()
    const first = drawDuration(latencyMs, own.stream('latency'))
    const until = (token: number): Promise<void> => sleep(begin + first + token * msPerToken - performance.now(), heard)
    await until(0)
    if (failure === 'timeout') await sleep(never, heard)
    if (failure !== undefined && !inTheMiddle.includes(failure)) throw failing(failure)
    const { tokens, reply } = scriptOf(request, await options.text(request, { own: own.stream('text'), common }))
    if (reply.reasoning !== undefined) yield { type: 'reasoning', text: reply.reasoning }
    for (const [n, token] of tokens.entries()) {
      if (failure !== undefined && n === Math.floor(tokens.length / 2)) break
      await until(n)
      yield { type: 'text', text: token }
    }
    while (failure === 'endless') {
      await sleep(Math.max(1, msPerToken), heard)
      yield { type: 'text', text: ' more' }
    }
    if (failure !== undefined) throw failing(failure)
    heard?.throwIfAborted()
    yield { type: 'reply', reply }
  }

  return {
    provider: 'scripted',
    model: name,
    supports: { streaming: true, seed: true, logProbabilities: true },
    generate: (request, settings) => lastReply(stream(request, settings)),
    stream,
    countTokens: (text) => scriptedTokens(text).length,
  }
}
