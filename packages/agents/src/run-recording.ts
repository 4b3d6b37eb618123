// What one run, or one arm of it, reads and writes in a recording. A reply belongs to the call that paid for it; a call
// that was given another's is noted as an alias, and one that was given up or not made as that: so a replay gives every
// call what it was given then.
import { isMistake } from './chat-failure.ts'
import type { MixlabError } from '@mixlab/core'
import type { Call } from './call.ts'
import type { ChatRequest } from './chat-model.ts'
import type { Clock } from './clock.ts'
import { divergence } from './divergence.ts'
import { callHash, type RecordedCall } from './recorded-call.ts'
import type { Recording } from './recording.ts'
import type { Settled } from './tries.ts'

/** A call with what is derived from it. */
export interface Asked {
  readonly call: Call
  readonly provider: string
  readonly model: string
  readonly key: string
  /** Canonical JSON. */
  readonly request: string
}

export interface RunRecordingOptions {
  readonly recording: Recording
  readonly mode: 'record' | 'replay'
  readonly failures: 'reuse' | 'retry'
  readonly scope: string
  readonly clock: Clock
}

export class RunRecording {
  readonly #options: RunRecordingOptions

  constructor(options: RunRecordingOptions) {
    this.#options = options
  }

  /**
   * What a call came to, where that may be used again; `own`: this call paid for it. A replay gives back everything; a run
   * that records takes every reply, its own failures if told to, and makes anew what was given up.
   */
  find(asked: Asked): { readonly settled: Settled; readonly own: boolean } | undefined {
    const { recording, mode, failures, scope } = this.#options
    const { call, key } = asked
    const mine = recording.ofCall(scope, call.id, key)
    if (mine && (mode === 'replay' || mine.kind === 'reply' || (mine.kind === 'failure' && failures === 'reuse')))
      return { settled: recording.read(mine.place), own: mine.own }
    const other = recording.ofKey(key)
    if (!other || (mode === 'record' && other.kind !== 'reply')) return undefined
    const settled = recording.read(other.place)
    this.alias(asked, settled)
    return { settled, own: false }
  }

  add(kind: RecordedCall['kind'], { call, key, request, provider, model }: Asked, settled: Settled): void {
    const { recording, mode, scope, clock } = this.#options
    if (mode === 'replay') return
    const { id, question, step, agent, sample } = call
    recording.append({
      // What the user mends is asked anew when the run goes on.
      kind: settled.failure && isMistake(settled.failure.kind) ? 'not-made' : kind,
      key,
      scope,
      id,
      question,
      step,
      agent,
      provider,
      model,
      sample,
      request: JSON.parse(request) as ChatRequest,
      ...settled,
      date: new Date(clock.now()).toISOString(),
    })
  }

  /** The call was given what another one came to. */
  alias({ call, key }: Asked, from: { readonly id: string; readonly scope?: string }): void {
    const { recording, mode, scope } = this.#options
    if (mode === 'replay') return
    recording.append({ kind: 'alias', key, scope, id: call.id, from: callHash(from.scope ?? scope, from.id) })
  }

  divergence(asked: Asked): MixlabError {
    return divergence(this.#options.recording, this.#options.scope, asked)
  }
}
