// A call from asking to answer: wait for a place, set its worst case aside, try, and try again where that may help. Every
// try that a provider may have charged for is in the cost, also one that failed or was given up.
import type { RandomStream } from '@mixlab/core'
import type { Limits, Price } from './agent.ts'
import { attempt, type Attempt } from './attempt.ts'
import type { Amount, Budget } from './budget.ts'
import type { CallTiming } from './call.ts'
import type { Retries, Timeouts } from './calling-config.ts'
import type { FailureKind } from './chat-failure.ts'
import type { ChatModel, ChatReply, ChatRequest } from './chat-model.ts'
import { type Clock, wait } from './clock.ts'
import type { Cost } from './cost.ts'
import type { Limiter } from './limiter.ts'
import type { RecordedPieces } from './pieces.ts'
import { retryWaitMs } from './retry.ts'
import { addCosts, type CountTokens, estimateTokens, noCost, promptTokens, replyCost, usageCost } from './usage-cost.ts'

export interface Failure {
  readonly kind: FailureKind
  readonly message: string
}

/** Neither a reply nor a failure: it was given up. */
export interface Settled {
  readonly reply?: ChatReply
  readonly failure?: Failure
  readonly pieces?: RecordedPieces
  readonly attempts: number
  readonly timing: CallTiming
  readonly cost: Cost
}

export interface Asking {
  readonly model: ChatModel
  readonly request: ChatRequest
  readonly limits: Limits
  readonly price: Price | undefined
  readonly count: CountTokens
  /** Tokens and money of one try, at most; absent without a budget. */
  readonly worst: Amount | undefined
  /** This call's own. */
  readonly rng: RandomStream
  /** Ends waiting: for a place, for the budget, for the next try. */
  readonly waiting: AbortSignal
  /** Ends a request that was sent. */
  readonly sending: AbortSignal
}

export interface CallTools {
  readonly clock: Clock
  readonly limiter: Limiter
  readonly budget: Budget | undefined
  readonly retries: Retries
  readonly timeouts: Timeouts
}

/** Turned away or never arrived: nothing to charge for. */
const unread: ReadonlySet<FailureKind> = new Set([
  'rate-limit',
  'overloaded',
  'server',
  'connection',
  'authentication',
  'unknown-model',
  'invalid-request',
])

/** Milliseconds as they are kept: to a tenth. */
const milliseconds = (ms: number): number => Math.round(ms * 10) / 10

/** Makes a call. @throws what is not a failure of a provider: a defect */
export async function makeTries(
  asking: Asking,
  { clock, limiter, budget, retries, timeouts }: CallTools,
): Promise<Settled> {
  const { model, request, limits, worst, rng, waiting, sending } = asking
  const asked = clock.now()
  const costs: Cost[] = []
  let attempts = 0
  let queuedMs = 0
  let latest: Attempt | undefined
  const settled = (end: Pick<Settled, 'reply' | 'failure' | 'pieces'>): Settled => ({
    ...end,
    attempts,
    timing: {
      queuedMs: milliseconds(queuedMs),
      ...(latest?.firstTokenMs !== undefined && { firstTokenMs: milliseconds(latest.firstTokenMs) }),
      durationMs: milliseconds(latest?.durationMs ?? 0),
      totalMs: milliseconds(clock.now() - asked),
    },
    cost: costs.length === 1 ? costs[0]! : addCosts(costs),
  })
  // As providers reckon when they admit a request: the whole reply that it allows.
  const tokens = promptTokens(request, estimateTokens) + (request.maxTokens ?? 0)

  for (;;) {
    const queuedAt = clock.now()
    try {
      const place = await limiter.enter({ provider: model.provider, model: model.model, limits, tokens }, waiting)
      try {
        const reservation = worst && (await budget?.reserve(worst, waiting))
        if (worst && budget && !reservation)
          return settled({ failure: { kind: 'budget', message: budget.explain(worst) } })
        queuedMs = clock.now() - queuedAt
        attempts++
        let cost = noCost
        try {
          latest = await attempt({
            model,
            request,
            signal: sending,
            timeouts,
            clock,
            onRateLimits: place.learn,
            rng: rng.at(attempts - 1),
          })
          cost = tryCost(latest, asking)
          costs.push(cost)
        } finally {
          reservation?.settle(cost)
        }
        const { reply, failure, pieces } = latest
        if (reply) {
          place.leave(cost.inputTokens + cost.outputTokens)
          return settled({ reply, ...(pieces && { pieces }) })
        }
        if (!failure) return settled({})
        const waitMs = retryWaitMs(failure, attempts, retries, rng)
        if (failure.kind === 'rate-limit' || failure.retryAfterMs !== undefined)
          place.pause(waitMs ?? Math.min(failure.retryAfterMs ?? 0, retries.longestWaitSeconds * 1000))
        if (waitMs === undefined) return settled({ failure: { kind: failure.kind, message: failure.message } })
        place.leave()
        await wait(clock, waitMs, waiting)
      } finally {
        place.leave()
      }
    } catch (error) {
      if (waiting.aborted && error === waiting.reason) return settled({})
      throw error
    }
  }
}

function tryCost({ reply, failure, partial }: Attempt, { request, count, price }: Asking): Cost {
  if (reply) return replyCost(request, reply, count, price)
  if (failure && partial === '' && unread.has(failure.kind)) return noCost
  return usageCost({}, { input: () => promptTokens(request, count), output: () => count(partial) }, price)
}
