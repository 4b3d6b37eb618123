// `mixlab runs compare`: arms of any runs side by side.
import { MixlabError, suggest } from '@mixlab/core'
import { findRun, listRuns, openRun, runsFolder, toJson } from '@mixlab/lab'
import { basename, dirname } from 'node:path'
import { compare } from './comparison.ts'
import { comparisonText } from './comparison-text.ts'

export interface CompareOptions {
  readonly runs: string
  readonly metric?: readonly string[]
  readonly json?: boolean
}

/** The runs that a word means: all of an experiment, or one. */
function runsMeant(wanted: string, runs: string): string[] {
  const ofExperiment = listRuns(runs).filter((path) => basename(dirname(path)) === wanted)
  return ofExperiment.length > 0 ? ofExperiment : [findRun(wanted, runs)]
}

export async function compareCommand(wanted: readonly string[], options: CompareOptions): Promise<void> {
  const runs = runsFolder(options.runs)
  const paths = [...new Set(wanted.flatMap((word) => runsMeant(word, runs)))]
  const comparison = await compare(await Promise.all(paths.map(openRun)))
  const asked = options.metric ?? []
  const known = comparison.columns.map(({ metric }) => metric)
  for (const metric of asked) {
    if (!known.includes(metric))
      throw new MixlabError(`there is no metric "${metric}" in these runs.${suggest(metric, known)}`)
  }
  if (options.json !== true) return void process.stdout.write(`${comparisonText(comparison, asked)}\n`)
  const columns = comparison.columns.filter(({ metric }) => asked.length === 0 || asked.includes(metric))
  const rows = comparison.arms.map(({ label, runs: inArm }, row) => ({
    arm: label,
    seeds: inArm.map(({ seed }) => seed),
    runs: inArm.map(({ path }) => path),
    metrics: Object.fromEntries(columns.map(({ metric, estimates }) => [metric, estimates[row] ?? null])),
  }))
  process.stdout.write(`${toJson(rows, 2)}\n`)
}
