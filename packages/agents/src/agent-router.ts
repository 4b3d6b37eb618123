// Who is asked: the port of routers that choose among agents. It speaks the words of the mixture layer (scores, k chosen
// members, weights) and knows no tensors: routers over features, trained ones too, are put behind it by
// `@mixlab/agent-routing`.
import type { Question } from './question.ts'

export interface RouteInput {
  readonly question: Question
  /** The agents, in the order in which `scores` are. */
  readonly members: readonly string[]
  /** Answers so far, for routers that look at them (cascades). */
  readonly answers: readonly { readonly agent: string; readonly text: string }[]
}

export interface RouteChoice {
  /** Indices of the chosen members, best first. */
  readonly members: readonly number[]
  /** Of the chosen, in that order; they sum to 1. */
  readonly weights: readonly number[]
  /** Of all members: what the router believes. */
  readonly scores: readonly number[]
}

export interface AgentRouter {
  readonly name: string
  /** Members a question goes to. */
  readonly choices: number
  route(input: RouteInput): RouteChoice | Promise<RouteChoice>
}
