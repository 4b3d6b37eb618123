// Between topologies and models: each call is looked up in the recording, or made within limits, deadlines and the budget,
// tried again where that may help, recorded, and told of in events. What a run did is what its replay does: a reply belongs
// to the call that paid for it, others that were given it are noted, and so is every call that was given up or not made.
import { type Emit, interrupted, MixlabError, suggest } from '@mixlab/core'
import type { Agent } from './agent.ts'
import { worstCase } from './budget.ts'
import type { Call, CallAgent, CallOutcome, CallRecord } from './call.ts'
import { callKey, canonicalRequest } from './call-key.ts'
import { type CallerOptions, prepare, type Prepared, type PreparedAgent } from './caller-options.ts'
import type { FailureKind } from './chat-failure.ts'
import type { Cost } from './cost.ts'
import { Flight } from './flight.ts'
import { Limiter } from './limiter.ts'
import { type Asked, RunRecording } from './run-recording.ts'
import { scrubData } from './scrub.ts'
import { type Failure, makeTries, type Settled } from './tries.ts'
import { addCosts, noCost } from './usage-cost.ts'

export interface CallerTotals {
  /** Calls that have ended. */
  readonly calls: number
  /** Of them, answered by the recording or by an equal call. */
  readonly replayed: number
  readonly failures: Readonly<Partial<Record<FailureKind, number>>>
  /** Requests that were sent. */
  readonly attempts: number
  /** What was spent by this caller: replays cost nothing. */
  readonly cost: Cost
  readonly active: number
  readonly queued: number
}

type GivenUp = 'deadline' | 'cancelled'

export class Caller implements AsyncDisposable {
  readonly #options: CallerOptions
  readonly #prepared: Prepared
  readonly #limiter: Limiter
  readonly #recording: RunRecording | undefined
  readonly #flights = new Map<string, Flight>()
  readonly #failures: Partial<Record<FailureKind, number>> = {}
  #calls = 0
  #replayed = 0
  #attempts = 0
  #cost: Cost = noCost
  #stopped = false
  #cancelGrace: () => void = () => undefined

  /** Use `createCaller`. */
  constructor(options: CallerOptions, prepared: Prepared) {
    this.#options = options
    this.#prepared = prepared
    this.#limiter = new Limiter(prepared.clock, prepared.config.concurrency)
    const { mode, failures, recording } = options
    const { scope, clock } = prepared
    this.#recording =
      mode === 'off' ? undefined : new RunRecording({ recording: recording!, mode, failures, scope, clock })
    if (mode === 'record') {
      const named = [...prepared.agents].map(([name, { agent }]) => [
        name,
        { provider: agent.model.provider, model: agent.model.model },
      ])
      recording!.appendAgents(scope, Object.fromEntries(named))
    }
    if (options.signal.aborted) this.#stop()
    else options.signal.addEventListener('abort', this.#stop, { once: true })
  }

  readonly call: CallAgent = async (call) => {
    const to = this.#agent(call.agent)
    const { provider, model } = to.agent.model
    const request = canonicalRequest(call.request)
    const key = callKey(provider, model, request, call.sample)
    const { id, question, step, layer, agent } = call
    this.#emit('agent.call', { call: id, question, step, layer, agent, provider, model, key })
    const outcome = await this.#outcome({ call, provider, model, key, request }, to)
    const cost = outcome.replayed ? { ...outcome.cost, billed: 0 } : outcome.cost
    this.#calls++
    if (outcome.replayed) this.#replayed++
    if (!outcome.ok) this.#failures[outcome.failure.kind] = (this.#failures[outcome.failure.kind] ?? 0) + 1
    this.#emit('agent.reply', {
      call: id,
      step,
      layer,
      agent,
      ...(!outcome.ok && { failure: outcome.failure }),
      attempts: outcome.attempts,
      replayed: outcome.replayed,
      cost,
      timing: outcome.timing,
    })
    return outcome
  }

  /** @throws MixlabError when there is no agent of that name */
  identity(agent: string): { readonly provider: string; readonly model: string } {
    const { provider, model } = this.#agent(agent).agent.model
    return { provider, model }
  }

  totals(): CallerTotals {
    return {
      calls: this.#calls,
      replayed: this.#replayed,
      failures: { ...this.#failures },
      attempts: this.#attempts,
      cost: this.#cost,
      active: this.#limiter.active,
      queued: this.#limiter.queued,
    }
  }

  /** Starts nothing more, and waits for what is under way as after Ctrl-C. The recording stays open. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop()
    await Promise.allSettled([...this.#flights.values()].map((flight) => flight.settled))
    this.#cancelGrace()
    this.#options.signal.removeEventListener('abort', this.#stop)
    this.#limiter[Symbol.dispose]()
  }

  readonly #stop = (): void => {
    if (this.#stopped) return
    this.#stopped = true
    for (const flight of this.#flights.values()) flight.stop()
    this.#cancelGrace = this.#prepared.clock.after(this.#prepared.config.graceSeconds * 1000, () => {
      for (const flight of this.#flights.values()) flight.cut()
    })
  }

  readonly #emit: Emit = (type, data) => this.#options.emit?.(type, data)

  #agent(name: string): PreparedAgent {
    const found = this.#prepared.agents.get(name)
    if (!found)
      throw new MixlabError(`there is no agent "${name}".${suggest(name, [...this.#prepared.agents.keys()])}`, {
        code: 'unknown-agent',
      })
    return found
  }

  async #outcome(asked: Asked, to: PreparedAgent): Promise<CallOutcome> {
    const { call, key } = asked
    const found = this.#recording?.find(asked)
    if (found) return finished(asked, found.settled, found.own, true)
    if (this.#options.mode === 'replay') throw this.#recording!.divergence(asked)
    if (this.#stopped) throw interrupted()
    if (call.signal?.aborted === true) return this.#notMade(asked, 'cancelled')
    if (call.deadline !== undefined && call.deadline <= this.#prepared.clock.now())
      return this.#notMade(asked, 'deadline')
    const flight = this.#flights.get(key) ?? this.#start(asked, to)
    flight.join(call)
    const end = await this.#wait(flight, call)
    if (typeof end === 'string') return this.#left(asked, end, flight)
    const { reply, failure } = end
    if (failure?.kind === 'budget') return this.#notMade(asked, failure, flight.owner === call ? end : undefined)
    if (!reply && !failure) throw interrupted()
    const owner = flight.owner!
    if (owner !== call) this.#recording?.alias(asked, owner)
    return finished(asked, end, owner === call, owner !== call)
  }

  /** Nobody waits for it any longer on this call's behalf. */
  async #left(asked: Asked, why: GivenUp, flight: Flight): Promise<CallOutcome> {
    const end = flight.leave(asked.call) ? await flight.settled : undefined
    if (!end?.reply) return this.#notMade(asked, why, end)
    // It came at that very moment, and is paid for.
    if (!flight.recorded) this.#recording?.add('reply', asked, end)
    return finished(asked, end, true, false)
  }

  /** The reply, or why it is not waited for any longer. After Ctrl-C everybody waits: what is under way has its grace. */
  #wait(flight: Flight, { signal, deadline }: Call): Promise<Settled | GivenUp> {
    const { clock } = this.#prepared
    return new Promise((resolve, reject) => {
      const finish = (end: Settled | GivenUp): void => {
        signal?.removeEventListener('abort', onAbort)
        cancel?.()
        resolve(end)
      }
      const onAbort = (): void => {
        if (!this.#options.signal.aborted) finish('cancelled')
      }
      const cancel = deadline === undefined ? undefined : clock.after(deadline - clock.now(), () => finish('deadline'))
      signal?.addEventListener('abort', onAbort, { once: true })
      flight.settled.then(finish, (error: unknown) => {
        finish('cancelled')
        reject(error as Error)
      })
    })
  }

  #start(asked: Asked, { agent, price, limits, count }: PreparedAgent): Flight {
    const { clock, budget, config, secrets } = this.#prepared
    const { model } = agent as Agent
    const worst = budget && worstCase(asked.call, price, model.countTokens?.bind(model))
    const { request } = asked.call
    const rng = this.#options.rng.stream(asked.key)
    const tools = { clock, budget, limiter: this.#limiter, retries: config.retries, timeouts: config.timeouts }
    const flight = new Flight(async (signals, self) => {
      try {
        const settled = scrubData(
          await makeTries({ model, request, limits, price, count, worst, rng, ...signals }, tools),
          secrets,
        )
        this.#attempts += settled.attempts
        this.#cost = addCosts([this.#cost, settled.cost])
        const { reply, failure } = settled
        const call = self.owner
        if (call && (reply || (failure && failure.kind !== 'budget'))) {
          this.#recording?.add(reply ? 'reply' : 'failure', { ...asked, call }, settled)
          self.recorded = true
        }
        return settled
      } finally {
        this.#flights.delete(asked.key)
      }
    })
    this.#flights.set(asked.key, flight)
    return flight
  }

  /** A call that was given up or not made. @param end what had been done for it */
  #notMade(asked: Asked, why: GivenUp | Failure, end?: Settled): CallOutcome {
    const settled: Settled = {
      failure: typeof why === 'string' ? { kind: why, message: reasons[why] } : why,
      attempts: end?.attempts ?? 0,
      timing: end?.timing ?? { queuedMs: 0, durationMs: 0, totalMs: 0 },
      cost: end?.cost ?? noCost,
    }
    this.#recording?.add('not-made', asked, settled)
    return finished(asked, settled, true, false)
  }
}

function finished(asked: Asked, end: Settled, own: boolean, replayed: boolean): CallOutcome {
  const { call, provider, model, key } = asked
  const { attempts, timing, reply } = end
  const cost = own ? end.cost : { ...end.cost, billed: 0 }
  const record: CallRecord = { call, provider, model, key, attempts, timing, cost, replayed }
  return reply ? { ...record, ok: true, reply } : { ...record, ok: false, failure: end.failure! }
}

const reasons: Readonly<Record<GivenUp, string>> = {
  deadline: 'its time was over',
  cancelled: 'its result was no longer needed',
}

/** @throws MixlabError on options that cannot work: a budget without prices, prices in two currencies */
export const createCaller = (options: CallerOptions): Caller => new Caller(options, prepare(options))
