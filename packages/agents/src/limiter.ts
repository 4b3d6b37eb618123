// Who may send when. Each provider has a number of places; each of its models has a lane with limits of its own: calls at
// once, requests and tokens a minute, what the provider's headers say is left, and pauses that it asked for. A provider that
// turns requests away without saying what it allows is approached as TCP approaches a network: half as many at once after
// each refusal, one more after each round that went well. Within a lane it is first come, first served; a provider's free
// place goes to its lanes in turn, so that one model's long queue does not starve another's.
import type { Limits } from './agent.ts'
import type { RateLimits } from './chat-model.ts'
import type { Clock } from './clock.ts'
import { LearntLimits } from './learnt-limits.ts'
import { RateWindow } from './rate-window.ts'

/** The right to send one request. */
export interface Place {
  /** What the provider's headers said. */
  learn(limits: RateLimits): void
  /** The provider turned the request away: it comes too often. Everybody waits, and fewer go at once. */
  pause(ms: number): void
  /** The request has ended. @param used tokens; absent where there was no reply */
  leave(used?: number): void
}

interface Waiting {
  readonly tokens: number
  readonly enter: (place: Place) => void
  gone: boolean
}

interface Lane {
  readonly concurrency: number
  readonly requests: RateWindow | undefined
  readonly tokens: RateWindow | undefined
  readonly learnt: LearntLimits
  readonly queue: Waiting[]
  /** The queue's first is here: shifting a long array costs its length. */
  head: number
  active: number
  /** Calls at once that the provider seems to bear. */
  bearable: number
  /** When `bearable` was last cut: requests that were sent before say nothing new. */
  cutAt: number
  pausedUntil: number
}

interface Provider {
  readonly lanes: Lane[]
  readonly byModel: Map<string, Lane>
  active: number
  /** The lane whose turn is next. */
  turn: number
  cancelTimer: (() => void) | undefined
  timerAt: number
}

export interface Destination {
  readonly provider: string
  readonly model: string
  /** Read when a model is seen first. */
  readonly limits: Limits
  /** Tokens that the request may use, for limits by tokens. */
  readonly tokens: number
}

export class Limiter implements Disposable {
  readonly #clock: Clock
  readonly #concurrency: number
  readonly #providers = new Map<string, Provider>()
  #queued = 0
  #active = 0

  /** @param concurrency calls at once to one provider */
  constructor(clock: Clock, concurrency: number) {
    this.#clock = clock
    this.#concurrency = concurrency
  }

  get queued(): number {
    return this.#queued
  }

  get active(): number {
    return this.#active
  }

  /** Waits for a place. @throws the signal's reason when it is aborted before */
  enter(to: Destination, signal: AbortSignal): Promise<Place> {
    const provider = this.#provider(to.provider)
    const lane = this.#lane(provider, to)
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error)
      const onAbort = (): void => {
        waiting.gone = true
        this.#queued--
        reject(signal.reason as Error)
        this.#serve(provider)
      }
      const waiting: Waiting = {
        tokens: to.tokens,
        gone: false,
        enter: (place) => {
          signal.removeEventListener('abort', onAbort)
          this.#queued--
          resolve(place)
        },
      }
      signal.addEventListener('abort', onAbort, { once: true })
      lane.queue.push(waiting)
      this.#queued++
      this.#serve(provider)
    })
  }

  [Symbol.dispose](): void {
    for (const provider of this.#providers.values()) provider.cancelTimer?.()
  }

  #provider(name: string): Provider {
    let provider = this.#providers.get(name)
    if (!provider) {
      provider = { lanes: [], byModel: new Map(), active: 0, turn: 0, cancelTimer: undefined, timerAt: Infinity }
      this.#providers.set(name, provider)
    }
    return provider
  }

  #lane(provider: Provider, { model, limits }: Destination): Lane {
    let lane = provider.byModel.get(model)
    if (!lane) {
      lane = {
        concurrency: limits.concurrency ?? Infinity,
        requests: limits.requestsPerMinute === undefined ? undefined : new RateWindow(limits.requestsPerMinute),
        tokens: limits.tokensPerMinute === undefined ? undefined : new RateWindow(limits.tokensPerMinute),
        learnt: new LearntLimits(),
        queue: [],
        head: 0,
        active: 0,
        bearable: Infinity,
        cutAt: -Infinity,
        pausedUntil: 0,
      }
      provider.byModel.set(model, lane)
      provider.lanes.push(lane)
    }
    return lane
  }

  /** Gives away what places there are, and sets the timer for the first that time will free. */
  #serve(provider: Provider): void {
    const now = this.#clock.now()
    let next = Infinity
    for (let idle = 0; provider.active < this.#concurrency && idle < provider.lanes.length;) {
      const lane = provider.lanes[provider.turn % provider.lanes.length]!
      provider.turn++
      const first = firstOf(lane)
      const at =
        first && lane.active < Math.min(lane.concurrency, Math.floor(lane.bearable))
          ? readyAt(lane, first.tokens, now)
          : Infinity
      if (first && at <= now) {
        lane.head++
        idle = 0
        first.enter(this.#place(provider, lane, first.tokens, now))
      } else {
        next = Math.min(next, at)
        idle++
      }
    }
    if (next === provider.timerAt) return
    provider.cancelTimer?.()
    provider.timerAt = next
    provider.cancelTimer =
      next === Infinity
        ? undefined
        : this.#clock.after(Math.max(0, next - now), () => {
            provider.timerAt = Infinity
            this.#serve(provider)
          })
  }

  #place(provider: Provider, lane: Lane, tokens: number, now: number): Place {
    provider.active++
    lane.active++
    this.#active++
    lane.requests?.take(1, now)
    const taken = lane.tokens?.take(tokens, now)
    const sent = lane.learnt.send(tokens)
    let left = false
    return {
      learn: (limits) => {
        lane.learnt.learn(limits, sent, this.#clock.now())
      },
      pause: (ms) => {
        lane.pausedUntil = Math.max(lane.pausedUntil, this.#clock.now() + ms)
        if (now < lane.cutAt) return
        lane.cutAt = this.#clock.now()
        lane.bearable = Math.max(1, Math.min(lane.bearable, lane.active) / 2)
      },
      leave: (used) => {
        if (left) return
        left = true
        lane.learnt.end(sent)
        provider.active--
        lane.active--
        this.#active--
        if (used !== undefined) lane.bearable += 1 / lane.bearable
        if (taken && used !== undefined) lane.tokens!.correct(taken, used, this.#clock.now())
        this.#serve(provider)
      },
    }
  }
}

/** The first in a lane's queue that still waits. */
function firstOf(lane: Lane): Waiting | undefined {
  while (lane.queue[lane.head]?.gone === true) lane.head++
  if (lane.head > 1000 && lane.head * 2 > lane.queue.length) {
    lane.queue.splice(0, lane.head)
    lane.head = 0
  }
  return lane.queue[lane.head]
}

const readyAt = (lane: Lane, tokens: number, now: number): number =>
  Math.max(
    now,
    lane.pausedUntil,
    lane.requests?.readyAt(1, now) ?? now,
    lane.tokens?.readyAt(tokens, now) ?? now,
    lane.learnt.readyAt(tokens, now),
  )
