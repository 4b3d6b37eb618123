// What a caller is made of, and what is wrong with it before the first call: a budget without prices, prices in two
// currencies, a model that is only a name where calls are to be made.
import { type Emit, MixlabError, parseConfiguration, type RandomStream } from '@mixlab/core'
import type { Agent, Limits, Price } from './agent.ts'
import { type Amount, Budget } from './budget.ts'
import { type CallingConfig, callingConfig, type Retries, type Timeouts } from './calling-config.ts'
import type { ChatModel } from './chat-model.ts'
import { type Clock, systemClock } from './clock.ts'
import { listPrices, type Prices } from './prices.ts'
import type { Recording } from './recording.ts'
import { type CountTokens, estimateTokens } from './usage-cost.ts'

/** An agent that a replay knows by name alone: no model was made. */
export interface NamedAgent extends Omit<Agent, 'model'> {
  readonly model: Pick<ChatModel, 'provider' | 'model'>
}

export interface CallerOptions {
  /** A replay needs no models, only their names. */
  readonly agents: ReadonlyMap<string, Agent | NamedAgent>
  /** Aborted by Ctrl-C: no new call starts, those under way have their grace. */
  readonly signal: AbortSignal
  readonly emit?: Emit
  readonly recording?: Recording
  /** `replay`: no network; a call that is not in the recording is an error. `off`: nothing is read or written. */
  readonly mode: 'record' | 'replay' | 'off'
  /** Recorded failures: given back, or asked again. */
  readonly failures: 'reuse' | 'retry'
  /** Whose calls these are, where several arms share a recording: each owns what it paid for. */
  readonly scope?: string
  readonly retries?: Partial<Retries>
  readonly deadlines?: Partial<Timeouts>
  readonly concurrency?: number
  readonly graceSeconds?: number
  readonly budget?: CallingConfig['budget']
  /** Of the budget, by an earlier part of this run: `recording.spent(scope)`. */
  readonly spent?: Amount
  readonly prices?: Prices
  /** Values that must not be written: `secretsFrom(…).handedOut`. */
  readonly secrets?: ReadonlySet<string>
  readonly clock?: Clock
  /** Of the run's agents: models and retries draw from it by call, whatever the order. */
  readonly rng: RandomStream
  /** Tokens of a text for models without a tokenizer at hand. Default: UTF-8 bytes / 4. */
  readonly estimate?: CountTokens
}

export interface PreparedAgent {
  readonly agent: Agent | NamedAgent
  readonly price: Price | undefined
  /** Of its model: the strictest of the agents that share it. */
  readonly limits: Limits
  readonly count: CountTokens
}

export interface Prepared {
  readonly agents: ReadonlyMap<string, PreparedAgent>
  readonly config: CallingConfig
  readonly budget: Budget | undefined
  readonly clock: Clock
  readonly scope: string
  readonly secrets: ReadonlySet<string>
}

export const isLive = (agent: Agent | NamedAgent): agent is Agent => 'generate' in agent.model

/** @throws MixlabError on a configuration that cannot work */
export function prepare(options: CallerOptions): Prepared {
  const { mode, recording, prices = listPrices, estimate = estimateTokens } = options
  const given = Object.entries({
    concurrency: options.concurrency,
    retries: options.retries,
    timeouts: options.deadlines,
    graceSeconds: options.graceSeconds,
    budget: options.budget,
  }).filter(([, value]) => value !== undefined)
  const config = parseConfiguration(callingConfig, Object.fromEntries(given), 'calls')
  if (mode !== 'off' && !recording) throw new MixlabError(`mode ${mode} needs a recording`)
  const priceOf = ({ config: own, model }: Agent | NamedAgent) => own.price ?? prices.find(model.provider, model.model)
  const all = [...options.agents.values()]
  const agents = new Map(
    all.map((agent) => [
      agent.name,
      {
        agent,
        price: priceOf(agent),
        limits: strictest(
          all.filter(({ model }) => sameModel(model, agent.model)).map((one) => one.config.limits ?? {}),
        ),
        count: isLive(agent) ? (agent.model.countTokens?.bind(agent.model) ?? estimate) : estimate,
      },
    ]),
  )
  checkCurrencies(agents.values())
  if (mode !== 'replay') {
    for (const agent of all)
      if (!isLive(agent))
        throw new MixlabError(`agent ${agent.name} has no model to call: only a replay can do without`)
    if (config.budget?.money !== undefined) checkPrices(agents.values())
  }
  return {
    agents,
    config,
    budget: config.budget && mode !== 'replay' ? new Budget(config.budget, options.spent) : undefined,
    clock: options.clock ?? systemClock,
    scope: options.scope ?? '',
    secrets: options.secrets ?? new Set(),
  }
}

type ModelName = Pick<ChatModel, 'provider' | 'model'>
const sameModel = (a: ModelName, b: ModelName): boolean => a.provider === b.provider && a.model === b.model

function strictest(limits: readonly Limits[]): Limits {
  const least = (field: keyof Limits): Limits => {
    const values = limits.map((one) => one[field]).filter((value) => value !== undefined)
    return values.length === 0 ? {} : { [field]: Math.min(...values) }
  }
  return { ...least('concurrency'), ...least('requestsPerMinute'), ...least('tokensPerMinute') }
}

function checkPrices(agents: Iterable<PreparedAgent>): void {
  for (const { agent, price } of agents)
    if (!price)
      throw new MixlabError(
        `a budget of money needs the price of every model, and none is known of ${agent.model.model} at ${agent.model.provider}: give agents.${agent.name}.price { input, output } for a million tokens, or a price file`,
        { code: 'unknown-price' },
      )
}

function checkCurrencies(agents: Iterable<PreparedAgent>): void {
  let first: PreparedAgent | undefined
  for (const one of agents) {
    if (!one.price) continue
    first ??= one
    if (one.price.currency !== first.price!.currency)
      throw new MixlabError(
        `agents ${first.agent.name} and ${one.agent.name} have prices in ${first.price!.currency} and ${one.price.currency}: expected one currency`,
      )
  }
}
