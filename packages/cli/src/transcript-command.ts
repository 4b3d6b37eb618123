// `mixlab transcript`: one question, call by call, as Markdown.
import { resolve } from 'node:path'
import { writeAtomically } from '@mixlab/core'
import { findRun, runsFolder } from '@mixlab/lab'

export interface TranscriptOptions {
  readonly question: string
  readonly arm?: string
  readonly out?: string
  readonly runs: string
}

export async function transcriptCommand(wanted: string, options: TranscriptOptions): Promise<void> {
  const { questionTranscripts } = await import('@mixlab/report')
  const text = await questionTranscripts(findRun(wanted, runsFolder(options.runs)), options.question, options.arm)
  if (options.out === undefined) return void process.stdout.write(text)
  const file = resolve(options.out)
  await writeAtomically(file, text)
  process.stdout.write(`${file}\n`)
}
