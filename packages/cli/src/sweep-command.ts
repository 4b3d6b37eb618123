// `mixlab sweep`: makes a sweep of flags and of what the script defines, runs it under a live table, and ends with a table and
// a report. `resume`, `retry`, `best` and `export` work on a sweep's directory; `trial` is what its processes run.
import { basename } from 'node:path'
import { styleText } from 'node:util'
import { MixlabError, parseValue, type PluginReference, readRunFile, withFields } from '@mixlab/core'
import { type FinishedRun, findRun, openRun, runsFolder } from '@mixlab/lab'
import {
  compileSweep,
  pluginsFor,
  reopenSweep,
  runSweep,
  runTrial,
  sweepOf,
  type SweepFlags,
  type SweepRunOptions,
} from '@mixlab/sweeps'
import { EXIT_PROBLEM, problemLine, reportProblem, wantsStack } from './problem.ts'
import { loadScript } from './script.ts'
import { sweepView } from './sweep-view.ts'
import { duration, quoted, shown } from './text.ts'
import { type TrackFlags, trackOptions, unsentLines } from './track-flags.ts'

const INTERRUPTED = 130

export interface SweepCommandFlags extends TrackFlags {
  readonly over?: string[]
  readonly set?: string[]
  readonly trials?: number
  readonly seeds?: number
  readonly finalists?: number
  readonly seed?: number
  readonly jobs?: number
  readonly sampler?: string
  readonly stopper?: string
  readonly executor?: string
  readonly samplerSet?: string[]
  readonly stopperSet?: string[]
  readonly executorSet?: string[]
  readonly objective?: string[]
  readonly enqueue?: string[]
  readonly budget?: string
  readonly population?: string
  readonly engine?: string
  readonly precision?: string
  readonly name?: string
  readonly runs: string
  readonly quiet?: boolean
  readonly report: boolean
}

/** `--sampler tpe --sampler-set startup=5` → `{ name: 'tpe', startup: 5 }`. */
function reference(kind: string, name: string | undefined, set: readonly string[] = []): PluginReference | undefined {
  if (name === undefined && set.length > 0)
    throw new MixlabError(`--${kind}-set ${set[0]}: name the ${kind}, too: --${kind} NAME`)
  if (name === undefined || set.length === 0) return name
  const fields = set.map((assignment): [string, unknown] => {
    const at = assignment.indexOf('=')
    if (at <= 0) throw new MixlabError(`--${kind}-set ${assignment}: expected field=value`)
    return [assignment.slice(0, at), parseValue(assignment.slice(at + 1))]
  })
  return { name, ...withFields({}, fields) }
}

export function sweepFlags(flags: SweepCommandFlags): SweepFlags {
  const plugin = (kind: 'sampler' | 'stopper' | 'executor') => {
    const given = reference(kind, flags[kind], flags[`${kind}Set`])
    return given === undefined ? {} : { [kind]: given }
  }
  const { over, set, trials, seeds, finalists, jobs, objective, enqueue, budget, population, engine, precision } = flags
  return {
    ...(over && { over }),
    ...(set && { set }),
    ...(trials !== undefined && { trials }),
    ...(seeds !== undefined && { seeds }),
    ...(finalists !== undefined && { finalists }),
    ...(jobs !== undefined && { jobs }),
    ...(objective && { objective }),
    ...(enqueue && { enqueue }),
    ...(budget !== undefined && { budget }),
    ...(population !== undefined && { population }),
    ...(engine !== undefined && { engine }),
    ...(precision !== undefined && { precision }),
    ...plugin('sampler'),
    ...plugin('stopper'),
    ...plugin('executor'),
  }
}

type FollowFlags = TrackFlags & Pick<SweepCommandFlags, 'runs' | 'quiet' | 'report'>

/** The command of a trial's process: this one's. */
const trialCommand = (): string[] => [process.execPath, ...process.execArgv, process.argv[1]!, 'sweep', 'trial']

/** `mixlab sweep SCRIPT`. @returns the exit code */
export async function sweepCommand(wanted: string, flags: SweepCommandFlags, argv: readonly string[]): Promise<number> {
  const { path: script, experiment, sweep } = await loadScript(wanted)
  const plugins = await pluginsFor(experiment)
  const config = compileSweep({ script, experiment, plugins, flags: sweepFlags(flags), ...(sweep && { sweep }) })
  return follow(wanted, flags, argv, {
    experiment,
    plugins,
    config,
    ...(flags.seed !== undefined && { seed: flags.seed }),
    ...(flags.name !== undefined && { name: flags.name }),
    script,
  })
}

/** `mixlab sweep resume` and `retry`: goes on with a sweep, perhaps with more trials, or with its failed ones again. */
export async function resumeSweep(
  wanted: string,
  flags: FollowFlags & { readonly trials?: number; readonly failed?: boolean },
  argv: readonly string[],
): Promise<number> {
  const path = findRun(wanted, runsFolder(flags.runs))
  const { script } = await sweepOf(path)
  const { experiment } = await loadScript(script)
  const plugins = await pluginsFor(experiment)
  await reopenSweep(path, {
    ...(flags.trials !== undefined && { trials: flags.trials }),
    ...(flags.failed === true && { retryFailed: true }),
  })
  return follow(script, flags, argv, { experiment, plugins, resume: path, script })
}

/** `mixlab sweep trial DIRECTORY NUMBER`. @returns the exit code */
export async function trialCommandOf(directory: string, number: number): Promise<number> {
  const sweep = await sweepOf(directory)
  const { seed } = await readRunFile(directory)
  const { experiment } = await loadScript(sweep.script)
  const plugins = await pluginsFor(experiment)
  const say = (text: string) => void process.stdout.write(`${new Date().toISOString()} ${text}\n`)
  return runTrial({ directory, number, experiment, plugins, sweep, seed, say })
}

async function follow(
  wanted: string,
  flags: FollowFlags,
  argv: readonly string[],
  options: Omit<SweepRunOptions, 'trialCommand'>,
): Promise<number> {
  const started = performance.now()
  const say = (text: string) => void (flags.quiet === true || process.stderr.write(`${text}\n`))
  const { objectives } = options.config ?? (await sweepOf(options.resume!))
  const runsFlag =
    flags.runs === 'runs' || process.env['MIXLAB_RUNS'] === flags.runs ? '' : ` --runs ${quoted(flags.runs)}`
  const view = sweepView(process.stderr, { objectives: [...objectives] })
  let directory: string | undefined
  let run: FinishedRun
  try {
    run = await runSweep({
      ...options,
      runs: flags.runs,
      trialCommand: trialCommand(),
      command: ['mixlab', ...argv],
      sinks: flags.quiet === true ? [] : [view.sink],
      onStart: ({ id, path, seed }) => {
        directory = path
        say(
          `${styleText('bold', options.experiment.name)}  sweep ${id}, seed ${seed}${options.resume === undefined ? '' : ', resumed'}`,
        )
      },
      onEnd: async ({ path }) => {
        const { status } = await openRun(path)
        if (status !== 'finished') return
        const { sweepText } = await import('./sweep-text.ts')
        process.stdout.write(`${await sweepText(path)}\n`)
        say(`finished in ${duration((performance.now() - started) / 1000)}`)
        process.stdout.write(`sweep   ${shown(path)}\n`)
        if (flags.report) await writeReport(path)
      },
      onTracked: (outcomes) => {
        for (const line of unsentLines(outcomes, `${basename(directory!)}${runsFlag}`))
          process.stderr.write(`mixlab: ${line}\n`)
      },
      ...trackOptions(flags),
      onInterrupt: () => say('interrupting: the trials that run save their state (Ctrl-C again ends at once)'),
      ...(flags.quiet !== true && { onProgress: (progress) => view.show(progress) }),
    })
  } catch (error) {
    reportProblem(error, { script: options.script, stack: wantsStack(argv) })
    if (directory !== undefined) say(`the sweep's directory: ${shown(directory)}`)
    return EXIT_PROBLEM
  }
  if (run.status === 'interrupted') {
    process.stderr.write(`interrupted; go on with: mixlab sweep resume ${run.id}${runsFlag}\n`)
    return INTERRUPTED
  }
  return 0
}

/** A report that cannot be written does not make the sweep a failure. */
async function writeReport(path: string): Promise<void> {
  try {
    const { writeSweepReport } = await import('@mixlab/sweeps')
    process.stdout.write(`report  ${shown(await writeSweepReport(path))}\n`)
  } catch (error) {
    process.stderr.write(`mixlab: the report could not be written: ${problemLine(error)}\n`)
  }
}
