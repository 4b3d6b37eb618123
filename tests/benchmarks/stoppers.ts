// `pnpm bench stoppers`: what each stopper would have saved, and lost, in the recorded runs of learning-curves.json, had they
// been random searches with four trials at once; with --peer beside Optuna's pruners in the same sweeps, where every decision
// must be the same. A sweep is some of the runs in a random order, so that the best is not always the same run; nothing is trained here.
import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { MixlabError, RandomStream } from '@mixlab/core'
import { writeAtomically } from '@mixlab/lab'
import type { RecordedTrial } from '@mixlab/studies'
import { findOptuna, optunaReplay, type Outcome, ourReplay } from '../../plugins/stoppers/test/optuna.ts'
import type { Scenario, StopperReference } from '../../plugins/stoppers/test/scenarios.ts'
import type { LearningCurves } from './learning-curves.ts'

/** Defaults first, then as one would set them for runs of 300 steps. */
const candidates: readonly StopperReference[] = [
  { name: 'median' },
  { name: 'median', warmupSteps: 60 },
  { name: 'percentile', percentile: 25 },
  { name: 'percentile', percentile: 25, warmupSteps: 60 },
  { name: 'asha' },
  { name: 'asha', minimumResource: 30, reductionFactor: 3 },
  { name: 'asha', minimumResource: 60, reductionFactor: 2 },
  { name: 'hyperband' },
  { name: 'hyperband', minimumResource: 30, maximumResource: 300 },
  { name: 'patience', patience: 3 },
  { name: 'patience', patience: 1, stopper: 'median' },
  { name: 'threshold', upper: 4, warmupSteps: 100 },
]

interface Measured {
  /** Best final value among the complete trials minus the best of the sweep, in nats; mean, and worst, over the sweeps. */
  readonly regret: number
  readonly worstRegret: number
  /** Share of the sweeps in which the best trial was completed. */
  readonly foundBest: number
  /** Share of the training steps of all trials that were not made. */
  readonly stepsSaved: number
}

interface Row {
  readonly stopper: StopperReference
  readonly mixlab: Measured
  readonly optuna: Measured | null
  /** Decisions that ours made and in how many of them Optuna's differed; null without a peer. */
  readonly decisions: number
  readonly differing: number | null
  /** Regret of as many steps without a stopper: the first trials of each sweep, whole. */
  readonly sameSteps: number
}

export interface StoppersReport {
  readonly command: string
  readonly date: string
  readonly versions: Readonly<Record<string, string>> | null
  readonly curves: { readonly file: string; readonly runs: number; readonly steps: number; readonly best: number }
  readonly orders: number
  readonly trials: number
  readonly jobs: number
  readonly rows: readonly Row[]
}

const usage = `pnpm bench stoppers [options]
  --peer         the same sweeps under Optuna's pruners, where a python3 with optuna is found (or MIXLAB_PEER_PYTHON)
  --orders N     sweeps (default 30)
  --trials N     runs in each, drawn at random (default 64)
  --jobs N       trials at once (default 4)
  --curves FILE  (default docs/benchmarks/learning-curves.json; pnpm bench learning-curves makes it)
  --out FILE     where the JSON goes (default docs/benchmarks/stoppers.json)`

const docs = join(import.meta.dirname, '../../docs/benchmarks')
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** @throws MixlabError on what is no count */
function countOf(option: string, text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count > 0) return count
  throw new MixlabError(`--${option} is ${text}, expected a whole number from 1`)
}

/** The steps that a trial made, by how often it reported. */
const stepsOf = ({ reports }: RecordedTrial, count: number): number => (count === 0 ? 0 : reports[count - 1]![0])

const bestOf = (trials: readonly RecordedTrial[]): number => Math.min(...trials.map(({ value }) => value ?? Infinity))

function measure(scenarios: readonly Scenario[], outcomes: readonly (readonly Outcome[])[]): Measured {
  const each = scenarios.map(({ trials }, at) => {
    const completed = trials.filter((_trial, number) => outcomes[at]![number]![1] === 'complete')
    const made = trials.reduce((sum, trial, number) => sum + stepsOf(trial, outcomes[at]![number]![0]), 0)
    const all = trials.reduce((sum, trial) => sum + stepsOf(trial, trial.reports.length), 0)
    return { regret: bestOf(completed) - bestOf(trials), saved: 1 - made / all }
  })
  const regrets = each.map(({ regret }) => regret)
  return {
    regret: mean(regrets),
    worstRegret: Math.max(...regrets),
    foundBest: mean(regrets.map((regret) => (regret === 0 ? 1 : 0))),
    stepsSaved: mean(each.map(({ saved }) => saved)),
  }
}

/** Regret of the trials at the front of each sweep that `made` steps suffice for. */
function regretOfSameSteps(scenarios: readonly Scenario[], stepsSaved: number): number {
  const regrets = scenarios.map(({ trials }) => {
    const whole = Math.max(Math.floor(trials.length * (1 - stepsSaved)), 1)
    return bestOf(trials.slice(0, whole)) - bestOf(trials)
  })
  return mean(regrets)
}

/** Of one trial: 0 where both judged it alike at every report. */
const differences = (a: Outcome, b: Outcome): number =>
  JSON.stringify(a) === JSON.stringify(b) ? 0 : Math.max(Math.abs(a[0] - b[0]), 1)

export async function benchStoppers(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      peer: { type: 'boolean', default: false },
      orders: { type: 'string', default: '30' },
      trials: { type: 'string', default: '64' },
      jobs: { type: 'string', default: '4' },
      curves: { type: 'string', default: join(docs, 'learning-curves.json') },
      out: { type: 'string', default: join(docs, 'stoppers.json') },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(usage)
  const [orders, jobs] = [countOf('orders', values.orders), countOf('jobs', values.jobs)]
  const count = countOf('trials', values.trials)
  const python = values.peer ? findOptuna() : undefined
  if (values.peer && python === undefined)
    console.log('No peer: no python3 with optuna and scipy was found (set MIXLAB_PEER_PYTHON to one).')
  const curves = await readCurves(values.curves)
  const recorded = curves.runs.map(({ losses }): RecordedTrial => {
    const reports = losses.map((loss, at) => [curves.steps[at]!, loss] as const)
    return { reports, value: losses.at(-1)! }
  })
  if (count > recorded.length)
    throw new MixlabError(`--trials is ${count}, but ${values.curves} has ${recorded.length} runs: take fewer`)
  const rows: Row[] = []
  let versions: StoppersReport['versions'] = null
  for (const stopper of candidates) {
    const scenarios = Array.from({ length: orders }, (_, order): Scenario => {
      const trials = new RandomStream(1, 'orders').at(order).shuffled(recorded).slice(0, count)
      return { study: `order-${order}`, direction: 'minimize', jobs, picks: [], stopper, trials }
    })
    const ours = scenarios.map(ourReplay)
    const peer = python === undefined ? undefined : optunaReplay(python, scenarios)
    versions = peer?.versions ?? versions
    const mixlab = measure(scenarios, ours)
    const differing = peer?.outcomes.map((each, at) => each.map((outcome, n) => differences(outcome, ours[at]![n]!)))
    rows.push({
      stopper,
      mixlab,
      optuna: peer ? measure(scenarios, peer.outcomes) : null,
      decisions: ours.flat().reduce((sum, [reports]) => sum + reports, 0),
      differing: differing ? differing.flat().reduce((sum, count) => sum + count, 0) : null,
      sameSteps: regretOfSameSteps(scenarios, mixlab.stepsSaved),
    })
    process.stderr.write(`${label(stopper)} …\n`)
  }
  const report: StoppersReport = {
    command: `pnpm bench stoppers${values.peer ? ' --peer' : ''} --orders ${orders} --trials ${count} --jobs ${jobs}`,
    date: new Date().toISOString(),
    versions,
    curves: {
      file: relative(join(docs, '../..'), values.curves),
      runs: recorded.length,
      steps: curves.steps.at(-1)!,
      best: bestOf(recorded),
    },
    orders,
    trials: count,
    jobs,
    rows,
  }
  await mkdir(dirname(values.out), { recursive: true })
  await writeAtomically(values.out, `${JSON.stringify(report, null, 2)}\n`)
  console.log(tableOf(report))
  console.log(`\nWritten to ${relative(process.cwd(), values.out)}`)
  if (rows.some(({ differing }) => differing !== null && differing > 0))
    throw new MixlabError('decisions differ from Optuna’s: see the last column')
}

/** @throws MixlabError when the file is missing or is no record of learning curves */
async function readCurves(file: string): Promise<LearningCurves> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as LearningCurves
  } catch (cause) {
    throw new MixlabError(`cannot read ${file}; pnpm bench learning-curves makes it`, { cause })
  }
}

const label = ({ name, ...fields }: StopperReference): string =>
  [name, ...Object.entries(fields).map(([field, value]) => `${field}=${String(value)}`)].join(' ')

function tableOf({ rows }: StoppersReport): string {
  const nats = (value: number): string => value.toFixed(4)
  const share = (value: number): string => `${(100 * value).toFixed(1)} %`
  const beside = (row: Row, show: (measured: Measured) => string): string =>
    row.optuna ? `${show(row.mixlab)} / ${show(row.optuna)}` : show(row.mixlab)
  return [
    '| stopper | steps saved | regret | worst | best found | regret of the same steps without it | decisions that differ |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map((row) =>
      [
        '',
        `\`${label(row.stopper)}\``,
        beside(row, ({ stepsSaved }) => share(stepsSaved)),
        beside(row, ({ regret }) => nats(regret)),
        beside(row, ({ worstRegret }) => nats(worstRegret)),
        beside(row, ({ foundBest }) => share(foundBest)),
        nats(row.sameSteps),
        row.differing === null ? '–' : `${row.differing} of ${row.decisions}`,
        '',
      ]
        .join(' | ')
        .trim(),
    ),
  ].join('\n')
}
