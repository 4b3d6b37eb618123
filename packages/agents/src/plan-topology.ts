// What a question costs at most, before it is asked. Calls are those where none fails: a failed proposer can mean fewer
// pairs to rank, never more. Tokens are bounds as far as replies keep to their limits and agents count tokens alike.
import { stepsInOrder } from './topology-order.ts'
import type { AgentConfig, Price } from './agent.ts'
import type { PlannedCalls, StepKind, StepPlan, Topology } from './topology.ts'
import { questionMessages } from './prompts.ts'
import type { Question } from './question.ts'
import { DEFAULT_MAX_TOKENS } from './agent-request.ts'

export interface PlanOptions {
  /** Their settings; an agent that is not there has none. */
  readonly agents: Readonly<Record<string, Pick<AgentConfig, 'system' | 'maxTokens' | 'price'>>>
  /** Of the question with its history and choices, at most. */
  readonly questionTokens: number
  /** The price of an agent's tokens; undefined where it is not known. Default: the one in the agent's settings. */
  readonly prices?: (agent: string) => Price | undefined
  /** Tokens of a prompt's own words, at most. Default: a third of its bytes in UTF-8, which subword tokenizers stay below. */
  readonly countTokens?: (text: string) => number
}

export interface Bound {
  /** Equal where the number is exact. */
  readonly calls: { readonly min: number; readonly max: number }
  /** Of all prompts together, at most. */
  readonly inputTokens: number
  /** Of all replies together, at most. */
  readonly outputTokens: number
  /** At most. Absent: a price is not known, or they are in several currencies. */
  readonly price?: { readonly amount: number; readonly currency: string }
  /** Agents whose price is not known. */
  readonly unpriced: readonly string[]
}

export interface TopologyPlan extends Bound {
  readonly steps: readonly (Bound & { readonly id: string; readonly kind: StepKind; readonly layer: number })[]
  readonly layers: readonly (Bound & { readonly layer: number })[]
  /** By agent, in the order in which they come; where calls exclude one another, each as if it got them all. */
  readonly agents: readonly (Bound & { readonly agent: string })[]
}

const estimate = (text: string): number => Math.ceil(Buffer.byteLength(text) / 3)

/** Tokens of the longest of the questions, with its history and choices; by the default count. */
export const longestQuestion = (questions: readonly Question[]): number =>
  questions.reduce(
    (most, question) =>
      Math.max(
        most,
        estimate(
          questionMessages(question)
            .map(({ content }) => content)
            .join('\n'),
        ),
      ),
    0,
  )

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

/** Sums bounds. */
function together(bounds: readonly Bound[]): Bound {
  const priced = bounds.filter(({ calls }) => calls.max > 0)
  const currencies = new Set(priced.map(({ price }) => price?.currency))
  const [currency] = currencies
  return {
    calls: { min: sumOf(bounds.map(({ calls }) => calls.min)), max: sumOf(bounds.map(({ calls }) => calls.max)) },
    inputTokens: sumOf(bounds.map(({ inputTokens }) => inputTokens)),
    outputTokens: sumOf(bounds.map(({ outputTokens }) => outputTokens)),
    ...(currencies.size === 1 &&
      currency !== undefined && { price: { amount: sumOf(priced.map(({ price }) => price!.amount)), currency } }),
    unpriced: [...new Set(bounds.flatMap(({ unpriced }) => unpriced))],
  }
}

function boundOf(calls: PlannedCalls, price: Price | undefined): Bound {
  const inputTokens = calls.max * calls.inputTokens
  const outputTokens = calls.max * calls.outputTokens
  return {
    calls: { min: calls.min, max: calls.max },
    inputTokens,
    outputTokens,
    ...(price !== undefined && {
      price: {
        amount: (inputTokens * Math.max(price.input, price.cachedInput ?? 0) + outputTokens * price.output) / 1e6,
        currency: price.currency,
      },
    }),
    unpriced: price === undefined && calls.max > 0 ? [calls.agent] : [],
  }
}

/** The sum of the largest `count` of values that come so many times each. */
function largest(values: readonly { readonly value: number; readonly times: number }[], count: number): number {
  let left = count
  let sum = 0
  for (const { value, times } of values.toSorted((a, b) => b.value - a.value)) {
    const taken = Math.min(left, times)
    sum += taken * value
    left -= taken
  }
  return sum
}

function stepBound(plan: StepPlan, price: (agent: string) => Price | undefined): Bound {
  const sum = together(plan.calls.map((calls) => boundOf(calls, price(calls.agent))))
  if (plan.total === undefined) return sum
  const most = (of: (calls: PlannedCalls) => number) =>
    largest(
      plan.calls.map((calls) => ({ value: of({ ...calls, min: 0, max: 1 }), times: calls.max })),
      plan.total!.max,
    )
  return {
    ...sum,
    calls: plan.total,
    inputTokens: most((calls) => calls.inputTokens),
    outputTokens: most((calls) => calls.outputTokens),
    ...(sum.price !== undefined && {
      price: { ...sum.price, amount: most((calls) => boundOf(calls, price(calls.agent)).price!.amount) },
    }),
  }
}

/**
 * Calls, tokens and money of one question, by step, layer and agent.
 * @throws MixlabError on a topology whose steps do not fit together
 */
export function planTopology(topology: Topology, options: PlanOptions): TopologyPlan {
  const { agents, questionTokens, countTokens = estimate } = options
  const price = (agent: string) => (options.prices ? options.prices(agent) : agents[agent]?.price)
  const plans = new Map<string, StepPlan>()
  for (const step of stepsInOrder(topology)) {
    const plan = step.plan({
      questionTokens,
      inputs: step.from.map((id) => plans.get(id)!),
      maxTokens: (agent) => agents[agent]?.maxTokens ?? DEFAULT_MAX_TOKENS,
      tokens: countTokens,
    })
    // The agent's own system message is in every prompt.
    const calls = plan.calls.map((planned) => ({
      ...planned,
      inputTokens: planned.inputTokens + countTokens(agents[planned.agent]?.system ?? ''),
    }))
    plans.set(step.id, { ...plan, calls })
  }
  const steps = topology.steps.map((step) => ({
    id: step.id,
    kind: step.kind,
    layer: step.layer,
    ...stepBound(plans.get(step.id)!, price),
  }))
  const layers = [...new Set(steps.map(({ layer }) => layer))].toSorted((a, b) => a - b)
  const all = [...plans.values()].flatMap(({ calls }) => calls)
  return {
    ...together(steps),
    steps,
    layers: layers.map((layer) => ({ layer, ...together(steps.filter((step) => step.layer === layer)) })),
    agents: [...new Set(all.map(({ agent }) => agent))].map((agent) => ({
      agent,
      ...together(all.filter((calls) => calls.agent === agent).map((calls) => boundOf(calls, price(agent)))),
    })),
  }
}
