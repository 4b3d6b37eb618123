// Presets against a scripted caller: what is called, with what, in what order; nothing waits for a clock.
import {
  type AgentRouter,
  answerQuestion,
  type Call,
  type CallOutcome,
  type FailureKind,
  type Question,
  type QuestionOptions,
  type QuestionResult,
  type Topology,
} from '@mixlab/agents'
import { pluginConfiguration, RandomStream } from '@mixlab/core'
import { topologies } from '../src/index.ts'

export const letters = (count: number): readonly string[] => 'abcdefghijklmnop'.slice(0, count).split('')

/** A preset by name, its fields checked as an experiment's are. */
export function preset(name: string, fields: object = {}, agents: readonly string[] = letters(6)): Topology {
  const plugin = topologies.find((known) => known.name === name)!
  const config = pluginConfiguration(plugin, fields as Record<string, unknown>)
  return plugin.create(config, { agents, rng: new RandomStream(1) } as never)
}

export type Reply =
  | string
  | { readonly fail: FailureKind }
  | { readonly text: string; readonly logProbabilities: readonly number[] }

export function outcomeOf(call: Call, reply: Reply): CallOutcome {
  const record = {
    call,
    provider: 'scripted',
    model: call.agent,
    key: `${call.agent} ${JSON.stringify(call.request)} ${call.sample}`,
    attempts: 1,
    timing: { queuedMs: 0, durationMs: 10, totalMs: 10 },
    cost: { inputTokens: 1, cachedInputTokens: 0, outputTokens: 1, reasoningTokens: 0, estimated: true },
    replayed: false,
  }
  if (typeof reply === 'object' && 'fail' in reply)
    return { ...record, ok: false, failure: { kind: reply.fail, message: 'as scripted' } }
  const text = typeof reply === 'string' ? reply : reply.text
  return {
    ...record,
    ok: true,
    reply: {
      text,
      finishReason: 'stop',
      usage: {},
      warnings: [],
      ...(typeof reply === 'object' && {
        logProbabilities: reply.logProbabilities.map((logProbability) => ({ token: 't', logProbability })),
      }),
    },
  }
}

export const question: Question = { id: 'q', text: 'QUESTION' }

/** The first of the members, or those of `order` (best first), with these scores. */
export const router = (choices: number, order?: readonly number[], scores?: readonly number[]): AgentRouter => ({
  name: 'router',
  choices,
  route: ({ members }) => {
    const chosen = (order ?? members.map((_, index) => index)).slice(0, choices)
    return { members: chosen, weights: chosen.map(() => 1 / choices), scores: scores ?? members.map(() => 0.5) }
  },
})

export async function ask(
  topology: Topology,
  script: (call: Call) => Reply,
  options: Partial<QuestionOptions> = {},
): Promise<{ readonly calls: readonly Call[]; readonly result: QuestionResult }> {
  const calls: Call[] = []
  const result = await answerQuestion({
    topology,
    question,
    index: 0,
    call: (call) => {
      calls.push(call)
      return Promise.resolve(outcomeOf(call, script(call)))
    },
    identity: (agent) => ({ provider: 'scripted', model: agent }),
    agents: {},
    router: () => router(8),
    rng: new RandomStream(1),
    signal: new AbortController().signal,
    ...options,
  })
  return { calls, result }
}

/**
 * Who saw what, a line a call: of each message its role's letter, with `Q` for the question and the names in angle brackets
 * of the replies in it, in order.
 */
export const sights = (calls: readonly Call[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    calls.map(({ id, request }) => [
      id.slice(2),
      request.messages
        .map(
          ({ role, content }) =>
            `${role[0]}(${[...content.matchAll(/<[^<>]+>|QUESTION/g)].map(([found]) => (found === 'QUESTION' ? 'Q' : found.slice(1, -1))).join(' ')})`,
        )
        .join(' '),
    ]),
  )
