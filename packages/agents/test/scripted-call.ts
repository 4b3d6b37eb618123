// A `CallAgent` for tests: replies by a function of the call, in virtual time. Nothing here waits for a clock: a test says
// which calls may end, and sees which are in flight.
import type { AgentConfig } from '../src/agent.ts'
import type { Call, CallOutcome } from '../src/call.ts'
import type { FailureKind } from '../src/chat-failure.ts'
import type { ChatReply } from '../src/chat-model.ts'
import { RandomStream } from '@mixlab/core'
import { answerQuestion, type QuestionOptions } from '../src/answer-question.ts'
import type { Question } from '../src/question.ts'
import type { Topology } from '../src/topology.ts'

export interface Scripted {
  readonly text?: string
  readonly fail?: FailureKind
  readonly ms?: number
  readonly firstTokenMs?: number
  readonly logProbabilities?: readonly number[]
  readonly finishReason?: ChatReply['finishReason']
}

export const question: Question = { id: 'q1', text: 'What is six times seven?' }

export function outcomeOf(call: Call, scripted: Scripted): CallOutcome {
  const { text = call.id, fail, ms = 10, firstTokenMs, logProbabilities, finishReason = 'stop' } = scripted
  const record = {
    call,
    provider: 'scripted',
    model: call.agent,
    key: JSON.stringify([call.agent, call.request, call.sample]),
    attempts: 1,
    timing: { queuedMs: 0, durationMs: ms, totalMs: ms, ...(firstTokenMs !== undefined && { firstTokenMs }) },
    cost: {
      inputTokens: 100,
      cachedInputTokens: 0,
      outputTokens: 10,
      reasoningTokens: 0,
      estimated: false,
      billed: 2,
      logical: 3,
      currency: 'USD',
    },
    replayed: false,
  }
  if (fail !== undefined) return { ...record, ok: false, failure: { kind: fail, message: `scripted ${fail}` } }
  return {
    ...record,
    ok: true,
    reply: {
      text,
      finishReason,
      usage: {},
      warnings: [],
      ...(logProbabilities && {
        logProbabilities: logProbabilities.map((logProbability) => ({ token: 'x', logProbability })),
      }),
    },
  }
}

export type Script = (call: Call) => Scripted | string

/** Replies at once, and keeps the calls in the order in which they were made. */
export function scripted(script: Script = () => ({})) {
  const calls: Call[] = []
  const call = (made: Call): Promise<CallOutcome> => {
    calls.push(made)
    const reply = script(made)
    return Promise.resolve(outcomeOf(made, typeof reply === 'string' ? { text: reply } : reply))
  }
  return { calls, call }
}

/** Replies when it is told to; a cancelled call ends by itself. */
export function held(script: Script = () => ({})) {
  const inFlight = new Map<string, { readonly call: Call; readonly end: () => void }>()
  const call = (made: Call): Promise<CallOutcome> =>
    new Promise((resolve) => {
      const end = (scriptedReply: Scripted | string) => {
        inFlight.delete(made.id)
        resolve(outcomeOf(made, typeof scriptedReply === 'string' ? { text: scriptedReply } : scriptedReply))
      }
      made.signal?.addEventListener('abort', () => end({ fail: 'cancelled' }))
      inFlight.set(made.id, { call: made, end: () => end(script(made)) })
    })
  return {
    call,
    inFlight,
    ids: () => [...inFlight.keys()],
    end: (id: string) => inFlight.get(id)!.end(),
  }
}

/** Lets everything happen that can happen without a call ending. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export const ask = (
  topology: Topology,
  call: QuestionOptions['call'],
  options: Partial<QuestionOptions> & { readonly settings?: Readonly<Record<string, Partial<AgentConfig>>> } = {},
) =>
  answerQuestion({
    topology,
    question,
    index: 0,
    call,
    identity: (agent) => ({ provider: 'scripted', model: agent }),
    agents: (options.settings ?? {}) as QuestionOptions['agents'],
    rng: new RandomStream(1),
    signal: new AbortController().signal,
    ...options,
  })
