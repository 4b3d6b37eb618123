// A topology: who answers, who sees what. A typed graph of steps without cycles, made by functions (`propose`, `aggregate`,
// …) and presets; what it costs at most is known before it runs. `mixlab topology show NAME` draws one.
import { pluginHelper, type RandomStream } from '@mixlab/core'
import type { AgentRouter } from './agent-router.ts'
import type { CallOutcome } from './call.ts'
import type { Message } from './chat-model.ts'
import type { Question } from './question.ts'
import type { StepOutput } from './result.ts'

export const stepKinds = [
  'propose',
  'aggregate',
  'rank',
  'select',
  'vote',
  'debate',
  'moderate',
  'critique',
  'refine',
  'residual',
  'route',
  'cascade',
  'chain',
] as const
export type StepKind = (typeof stepKinds)[number]

/** What a step may ask of one agent, before it runs. */
export interface PlannedCalls {
  readonly agent: string
  /** Equal to `max` where the number is exact. */
  readonly min: number
  readonly max: number
  /** Tokens of one call's prompt, at most. */
  readonly inputTokens: number
  /** Tokens of one reply, at most: what it is allowed. */
  readonly outputTokens: number
}

export interface StepPlan {
  readonly calls: readonly PlannedCalls[]
  /** Of all of them together, where they exclude one another (a route takes one of many). Default: their sums. */
  readonly total?: { readonly min: number; readonly max: number }
  /** What it gives: answers at most, and at least where no call fails (default: as many), and tokens of one at most. */
  readonly answers: { readonly count: number; readonly least?: number; readonly tokens: number }
}

export interface PlanContext {
  /** Tokens of the question with its history, at most. */
  readonly questionTokens: number
  /** Plans of the steps that it sees, in order. */
  readonly inputs: readonly StepPlan[]
  /** What an agent's replies are limited to where the step sets no limit. */
  maxTokens(agent: string): number
  /** Tokens of a fixed text, such as a prompt's own words, at most. */
  tokens(text: string): number
}

/** A call that a step makes; the agent's settings are added to it. */
export interface StepCall {
  readonly agent: string
  readonly messages: readonly Message[]
  readonly maxTokens?: number
  readonly temperature?: number
  readonly responseSchema?: Readonly<Record<string, unknown>>
  readonly logProbabilities?: number
  /** Which of several samples that this step takes with one request. Default 0. */
  readonly sample?: number
  readonly signal?: AbortSignal
  /** Calls of this same step whose replies it waited for; the critical path runs through them. Default: none. */
  readonly after?: readonly CallOutcome[]
}

export interface StepContext {
  readonly question: Question
  /** What the steps that it sees gave, in the order of `from`. */
  readonly inputs: readonly { readonly id: string; readonly output: StepOutput }[]
  call(call: StepCall): Promise<CallOutcome>
  /** The task's answer in a text, from its first grader: equal ones agree. */
  parse(text: string): string | undefined
  /** @throws MixlabError when the run has no router of that name */
  router(name: string): AgentRouter
  /** Keyed by run seed, question and step. */
  readonly rng: RandomStream
  readonly signal: AbortSignal
}

export interface Step {
  /** Unique in its topology; words joined by hyphens and slashes, e.g. `layer-1/proposer-2`. */
  readonly id: string
  readonly kind: StepKind
  /** From 1. */
  readonly layer: number
  /** Agents that it may call; none for votes. One that it asks the same request n times is there n times. */
  readonly agents: readonly string[]
  /** Ids of the steps whose answers it sees, in order. */
  readonly from: readonly string[]
  /** Of `from`, those that it only waits for, since they may make it needless: no prompt of its own holds their answers. */
  readonly gates?: readonly string[]
  /** Those that see it go on without its answer, e.g. after an earlier tier of a cascade: it needs no quorum. */
  readonly mayFail?: boolean
  plan(context: PlanContext): StepPlan
  run(context: StepContext): Promise<StepOutput>
}

/** When a layer is good enough, and what happens when it is not. */
export interface LayerPolicy {
  /** Answers that the layer must give; the rest may be missing. Default 1. */
  readonly quorum?: number
  /** Below the quorum: go on with what is there (with at least one answer), or fail the question. Default `fail`. */
  readonly below?: 'degrade' | 'fail'
  /** What is not there by then is missing. */
  readonly deadlineMs?: number
}

export interface Topology {
  readonly name: string
  readonly steps: readonly Step[]
  /** The step that gives the final answer: its first one. */
  readonly output: string
  /** By layer. */
  readonly layers?: Readonly<Record<number, LayerPolicy>>
}

export interface TopologyContext {
  /** The experiment's agents. */
  readonly agents: readonly string[]
}

declare module '@mixlab/core' {
  interface PluginKinds {
    topology: { instance: Topology; context: TopologyContext }
  }
}

/** Defines a topology. */
export const defineTopology = pluginHelper('topology')
