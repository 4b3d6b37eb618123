// The transcripts of a page: questions packed, gathered into chunks of a few hundred kilobytes, deflated, in base64. The
// page inflates a chunk when one of its questions is opened, so that a thousand questions of seven calls cost a reader
// nothing until then. What does not fit the page's bound is left out by a stated rule.
import { open, type FileHandle } from 'node:fs/promises'
import { deflateRawSync } from 'node:zlib'
import type { QuestionResult } from '@mixlab/agents'
import { fromJson } from '@mixlab/core'
import { ellipsis } from '../../format.ts'
import { lineAt } from '../json-lines.ts'
import { answersFile } from '../run-files.ts'
import type { AnsweredQuestion, Tally } from '../tally.ts'
import { packQuestion, type RunOfQuestion } from './pack.ts'

/** Base64 characters of all transcripts of a page, at most. */
export const STORE_LIMIT = 12_000_000
/** Questions in the list, at most. */
export const LIST_LIMIT = 20_000
const CHUNK = 256 * 1024
const EXCERPT = 150

export interface TranscriptRun {
  readonly tally: Tally
  readonly label: string
}

/** A row of the list: id, the question's beginning, chunk (−1: left out) and place in it, and for each run what came of it. */
export type ListRow = readonly [
  id: string,
  text: string,
  chunk: number,
  place: number,
  /** null: that run did not answer it. */
  runs: readonly (readonly [marks: number, score: number | null] | null)[],
]

export interface TranscriptStore {
  /** Deflated JSON in base64: the list of rows. */
  readonly list: string
  /** Deflated JSON in base64: an array of packed questions each. */
  readonly chunks: readonly string[]
  readonly questions: number
  readonly listed: number
  readonly packed: number
}

const deflated = (value: unknown): string => deflateRawSync(JSON.stringify(value), { level: 6 }).toString('base64')

interface Entry {
  readonly id: string
  readonly runs: readonly (AnsweredQuestion | undefined)[]
}

/** Questions in whose answers something went wrong, or in which runs differ, come first. */
const isNotable = ({ runs }: Entry): boolean =>
  runs.some((run) => run !== undefined && run.marks !== 0) || new Set(runs.map((run) => run?.correct)).size > 1

function entriesOf(runs: readonly TranscriptRun[]): Entry[] {
  const byRun = runs.map(({ tally }) => new Map(tally.questions.map((question) => [question.id, question])))
  const all = new Map(runs.flatMap(({ tally }) => tally.questions.map(({ id, index }) => [id, index])))
  return [...all]
    .toSorted(([, a], [, b]) => a - b)
    .map(([id]) => ({ id, runs: byRun.map((questions) => questions.get(id)) }))
}

/** @param limit of base64 characters */
export async function storeTranscripts(runs: readonly TranscriptRun[], limit = STORE_LIMIT): Promise<TranscriptStore> {
  const entries = entriesOf(runs)
  const order = [...entries.filter(isNotable), ...entries.filter((entry) => !isNotable(entry))]
  const files = await Promise.all(runs.map(({ tally }) => open(answersFile(tally.run))))
  const chunks: string[] = []
  const places = new Map<string, readonly [chunk: number, place: number]>()
  let used = 0
  try {
    for (let from = 0; from < order.length && used < limit;) {
      const { packed, end } = await packChunk(order, from, runs, files)
      const chunk = deflateRawSync(`[${packed.join(',')}]`, { level: 6 }).toString('base64')
      if (used + chunk.length > limit && chunks.length > 0) break
      for (let i = from; i < end; i++) places.set(order[i]!.id, [chunks.length, i - from])
      used += chunk.length
      chunks.push(chunk)
      from = end
    }
  } finally {
    await Promise.all(files.map((file) => file.close()))
  }
  const listed = entries.slice(0, LIST_LIMIT)
  const rows = listed.map((entry): ListRow => {
    const [chunk, place] = places.get(entry.id) ?? [-1, 0]
    const text = entry.runs.find((run) => run !== undefined && run.text !== '')?.text ?? ''
    const outcomes = entry.runs.map((run) => (run ? ([run.marks, run.score ?? null] as const) : null))
    return [entry.id, ellipsis(text.replaceAll(/\s+/g, ' ').slice(0, 4 * EXCERPT), EXCERPT), chunk, place, outcomes]
  })
  return {
    list: deflated(rows),
    chunks,
    questions: entries.length,
    listed: rows.length,
    packed: places.size,
  }
}

/** Questions from `from` on, until they are a chunk's worth. */
async function packChunk(
  order: readonly Entry[],
  from: number,
  runs: readonly TranscriptRun[],
  files: readonly FileHandle[],
): Promise<{ packed: string[]; end: number }> {
  const packed: string[] = []
  let size = 0
  let end = from
  for (; end < order.length && size < CHUNK; end++) {
    const entry = order[end]!
    const of: RunOfQuestion[] = []
    for (const [run, question] of entry.runs.entries()) {
      if (!question) continue
      const result = fromJson(await lineAt(files[run]!, question.line)) as QuestionResult
      const grades = runs[run]!.tally.grades.get(question.index)
      of.push({ run, result, ...(grades && { grades }) })
    }
    const text = JSON.stringify(packQuestion(entry.id, of))
    packed.push(text)
    size += text.length
  }
  return { packed, end }
}
