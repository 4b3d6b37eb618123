// `mixlab report`: one HTML page about one or more runs.
import { resolve } from 'node:path'
import { findRun, openRun, runsFolder } from '@mixlab/lab'

export async function reportCommand(
  wanted: readonly string[],
  options: { readonly out?: string; readonly runs: string },
): Promise<void> {
  const paths = wanted.map((run) => findRun(run, runsFolder(options.runs)))
  // A run of another version or a corrupt one is said before anything is written.
  const records = await Promise.all(paths.map(openRun))
  if (records.length === 1 && records[0]?.kind === 'sweep') {
    const { writeSweepReport } = await import('@mixlab/sweeps')
    const file = await writeSweepReport(paths[0]!, options.out === undefined ? undefined : resolve(options.out))
    return void process.stdout.write(`${file}\n`)
  }
  const { writeReport } = await import('@mixlab/report')
  const out = await writeReport(paths, options.out === undefined ? undefined : resolve(options.out))
  process.stdout.write(`${out}\n`)
}
