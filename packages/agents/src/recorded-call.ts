// What a recording keeps: one line a call. A line begins with what the index needs, in a fixed order, so that opening a
// recording reads no further into it.
//
// - `reply`, `failure`: what a provider was asked and what came of it. Found by the call that it was made for, or by its
//   key from any other.
// - `not-made`: a call that the run gave up or did not make (deadline, cancelled, budget): true of that call alone.
// - `alias`: a call that was given another call's reply or failure.
// - `agents`: which models an arm's agents are.
import { hash } from 'node:crypto'
import { fromJson, toJson } from '@mixlab/core'
import type { CallTiming } from './call.ts'
import type { ChatReply, ChatRequest } from './chat-model.ts'
import type { Cost } from './cost.ts'
import type { RecordedPieces } from './pieces.ts'
import type { Failure } from './tries.ts'

export interface RecordedCall {
  readonly kind: 'reply' | 'failure' | 'not-made'
  readonly key: string
  /** Whose call: an arm's name. */
  readonly scope: string
  readonly id: string
  readonly question: string
  readonly step: string
  readonly agent: string
  readonly provider: string
  readonly model: string
  readonly sample: number
  /** Canonical. */
  readonly request: ChatRequest
  readonly reply?: ChatReply
  readonly failure?: Failure
  readonly pieces?: RecordedPieces
  readonly attempts: number
  readonly timing: CallTiming
  readonly cost: Cost
  /** When it was written: ISO 8601. */
  readonly date: string
}

/** A call that was given what another one came to. */
export interface AliasedCall {
  readonly kind: 'alias'
  readonly key: string
  readonly scope: string
  readonly id: string
  /** The other, by its hash. */
  readonly from: string
}

export interface LineHead {
  readonly kind: RecordedCall['kind'] | 'alias'
  readonly key: string
  /** Hash of the scope and the call's id. */
  readonly call: string
  /** Hash of the scope. */
  readonly arm: string
  readonly tokens: number
  readonly money: number
  /** Of an alias: the call whose reply or failure it was given. */
  readonly from?: string
}

export const callHash = (scope: string, id: string): string =>
  hash('sha256', JSON.stringify([scope, id]), 'base64url').slice(0, 16)

const half = (text: string): string => hash('sha256', text, 'base64url').slice(0, 4)

/** Of a scope `run/arm/…`: its first half is the run's, so that what all arms of a run spent can be summed. */
export const armHash = (scope: string): string => half(runOf(scope)) + half(scope)
const runOf = (scope: string): string => scope.split('/', 1)[0]!

/** Whether an arm's hash is of the run that `scope` belongs to. */
export const isOfRun = (arm: string, scope: string): boolean => arm.startsWith(half(runOf(scope)))

export const headOf = (call: RecordedCall | AliasedCall): LineHead => ({
  kind: call.kind,
  key: call.key,
  call: callHash(call.scope, call.id),
  arm: armHash(call.scope),
  ...(call.kind === 'alias'
    ? { tokens: 0, money: 0, from: call.from }
    : { tokens: call.cost.inputTokens + call.cost.outputTokens, money: call.cost.billed ?? 0 }),
})

/** The bytes at a line's beginning that hold its head. */
export const headBytes = 256

const head =
  /^\{"kind":"(reply|failure|not-made|alias)","key":"([\w-]{22})","call":"([\w-]{16})","arm":"([\w-]{8})","tokens":(\d+),"money":([\d.e+-]+),(?:"from":"([\w-]{16})")?/

/** @returns undefined where it is no line of ours */
export function parseHead(start: string): LineHead | undefined {
  const match = head.exec(start)
  if (!match) return undefined
  const [, kind, key, call, arm, tokens, money, from] = match
  return {
    kind: kind as LineHead['kind'],
    key: copied(key!),
    call: copied(call!),
    arm: arm!,
    tokens: Number(tokens),
    money: Number(money),
    ...(from !== undefined && { from: copied(from) }),
  }
}

/** A part of a string keeps the whole of it in memory. */
const copied = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')

export function lineOf(call: RecordedCall | AliasedCall): string {
  const { kind: _kind, key: _key, ...rest } = call
  return `${toJson({ ...headOf(call), ...rest })}\n`
}

export const parseCall = (line: string): RecordedCall => fromJson(line) as RecordedCall

export interface AgentsLine {
  readonly arm: string
  readonly agents: Readonly<Record<string, { readonly provider: string; readonly model: string }>>
}

const agentsStart = '{"kind":"agents",'

export const agentsLineOf = (scope: string, agents: AgentsLine['agents']): string =>
  `${JSON.stringify({ kind: 'agents', arm: armHash(scope), scope, agents })}\n`

export const isAgentsLine = (start: string): boolean => start.startsWith(agentsStart)
