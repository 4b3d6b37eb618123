// `mixlab run`: loads the script, runs it under the live view, then says what came out and where it is.
import { basename } from 'node:path'
import { styleText } from 'node:util'
import { type FinishedRun, openRun, runExperiment } from '@mixlab/lab'
import { liveView } from './live-view.ts'
import type { RunFlags } from './main.ts'
import { EXIT_PROBLEM, problemLine, reportProblem, wantsStack } from './problem.ts'
import { resultText } from './result-text.ts'
import { loadScript } from './script.ts'
import { duration, quoted, shown } from './text.ts'
import { trackOptions, unsentLines } from './track-flags.ts'

const INTERRUPTED = 130

/** @param argv the command line, for the record @returns the exit code */
export async function runCommand(wanted: string, flags: RunFlags, argv: readonly string[]): Promise<number> {
  const stack = wantsStack(argv)
  const { path: script, experiment } = await loadScript(wanted)
  const say = (text: string) => void (flags.quiet === true || process.stderr.write(`${text}\n`))
  const started = performance.now()
  const runsFlag =
    flags.runs === 'runs' || process.env['MIXLAB_RUNS'] === flags.runs ? '' : ` --runs ${quoted(flags.runs)}`
  let directory: string | undefined
  let run: FinishedRun
  try {
    run = await runExperiment(experiment, {
      runs: flags.runs,
      set: flags.set ?? [],
      ...(flags.seed !== undefined && { seed: flags.seed }),
      ...(flags.engine !== undefined && { engine: flags.engine }),
      ...(flags.precision !== undefined && { precision: flags.precision }),
      ...(flags.name !== undefined && { name: flags.name }),
      ...(flags.resume !== undefined && { resume: flags.resume }),
      ...(flags.replay !== undefined && { replay: flags.replay }),
      ...(flags.calls !== undefined && { calls: flags.calls }),
      ...trackOptions(flags),
      script,
      command: ['mixlab', ...argv],
      sinks: flags.quiet === true ? [] : [liveView(process.stderr)],
      onStart: ({ id, path, seed, engine, precision = 'float32' }) => {
        directory = path
        const inPrecision = precision === 'float32' ? '' : ` in ${precision}`
        const engineText = engine === 'none' ? '' : `, engine ${engine}${inPrecision}`
        say(
          `${styleText('bold', experiment.name)}  run ${id}, seed ${seed}${engineText}${flags.resume === undefined ? '' : ', resumed'}`,
        )
      },
      onEnd: async ({ path }) => {
        const { status } = await openRun(path)
        if (status !== 'finished') return
        const text = await resultText(await openRun(path))
        if (text !== '') process.stdout.write(`${text}\n`)
        say(`finished in ${duration((performance.now() - started) / 1000)}`)
        process.stdout.write(`run     ${shown(path)}\n`)
        if (flags.report) await writeRunReport(path)
      },
      onTracked: (outcomes) => {
        for (const line of unsentLines(outcomes, `${basename(directory!)}${runsFlag}`))
          process.stderr.write(`mixlab: ${line}\n`)
      },
      onInterrupt: () => process.stderr.write('\ninterrupting: saving the state (Ctrl-C again ends at once)\n'),
    })
  } catch (error) {
    reportProblem(error, { script, stack })
    if (directory !== undefined) say(`the run's directory: ${shown(directory)}`)
    return EXIT_PROBLEM
  }
  if (run.status === 'interrupted') {
    process.stderr.write(`interrupted; go on with: mixlab run ${quoted(wanted)} --resume ${run.id}${runsFlag}\n`)
    return INTERRUPTED
  }
  return 0
}

/** A report that cannot be written does not make the run a failure. */
async function writeRunReport(path: string): Promise<void> {
  try {
    const { writeReport } = await import('@mixlab/report')
    process.stdout.write(`report  ${shown(await writeReport([path]))}\n`)
  } catch (error) {
    process.stderr.write(`mixlab: the report could not be written: ${problemLine(error)}\n`)
  }
}
