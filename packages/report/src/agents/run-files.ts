// What a run of questions leaves in its directory, read back: `topology.json`. Answers are read
// where they are needed (see tally.ts, transcripts/pack.ts): they hold every message that was sent.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromJson } from '@mixlab/core'

export interface DrawnStep {
  readonly id: string
  readonly kind: string
  readonly layer: number
  readonly agents: readonly string[]
  readonly from: readonly string[]
}

export interface DrawnTopology {
  readonly name: string
  readonly steps: readonly DrawnStep[]
  /** The step that gives the answer. */
  readonly output?: string
  readonly plan?: {
    /** Of one question, as is all of the plan. */
    readonly calls?: { readonly min: number; readonly max: number }
    /** At most. */
    readonly inputTokens?: number
    readonly outputTokens?: number
    /** At most; absent where a price is not known. */
    readonly price?: { readonly amount: number; readonly currency: string }
  }
}

export const answersFile = (run: string): string => join(run, 'answers.jsonl')

export const hasAnswers = (run: string): boolean => existsSync(answersFile(run))

/** Undefined where there is none, or it is not one. */
export async function readTopology(run: string): Promise<DrawnTopology | undefined> {
  try {
    const topology = fromJson(await readFile(join(run, 'topology.json'), 'utf8')) as DrawnTopology
    return Array.isArray(topology.steps) ? topology : undefined
  } catch {
    return undefined
  }
}
