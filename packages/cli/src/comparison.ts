// What several runs have to say side by side: one row for each configuration (an arm), means and 95 % intervals over its
// seeds. A run's metrics are the numbers that its experiment returned, then the last value of everything it evaluated.
import { isDeepStrictEqual } from 'node:util'
import { readEvents, type RunRecord } from '@mixlab/lab'
import { estimate, type Estimate, rank } from '@mixlab/statistics'
import { value } from './text.ts'

export interface Column {
  readonly metric: string
  /** Returned by the experiment or a loss: what a table shows when nobody asks for more. */
  readonly telling: boolean
  /** One for each arm. */
  readonly estimates: readonly (Estimate | undefined)[]
  /** The best arm, where the direction is known and it is outside the noise. */
  readonly best?: number
}

export interface Arm {
  readonly label: string
  /** By seed. */
  readonly runs: readonly RunRecord[]
}

export interface Comparison {
  readonly arms: readonly Arm[]
  readonly columns: readonly Column[]
}

type Metrics = ReadonlyMap<string, { readonly value: number; readonly telling: boolean }>

/** Runs that have something of their own: a run's children stand for it. */
const leaves = (root: RunRecord): RunRecord[] => (root.children.length > 0 ? root.children.flatMap(leaves) : [root])

const isPlain = (given: unknown): given is Readonly<Record<string, unknown>> =>
  typeof given === 'object' && given !== null && !Array.isArray(given)

/** Every leaf of nested plain data by dotted path; lists are leaves. */
export function flatten(given: unknown, prefix = ''): [path: string, value: unknown][] {
  if (!isPlain(given)) return [[prefix, given]]
  return Object.entries(given).flatMap(([name, inner]) => flatten(inner, prefix === '' ? name : `${prefix}.${name}`))
}

async function metricsOf(run: RunRecord): Promise<Metrics> {
  const metrics = new Map<string, { value: number; telling: boolean }>()
  for (const [name, given] of flatten(run.result ?? {}))
    if (typeof given === 'number') metrics.set(name, { value: given, telling: true })
  for await (const event of readEvents(run.path)) {
    if (event.type === 'train.step')
      metrics.set('training.loss', { value: event.loss, telling: run.result === undefined })
    if (event.type !== 'eval.result') continue
    const telling = event.evaluator === 'validation'
    for (const [name, given] of Object.entries(event.metrics))
      metrics.set(`${event.evaluator}.${name}`, { value: given, telling })
  }
  return metrics
}

/** `top-k-seed-3` of seed 3 is a repetition of `top-k`. */
const stem = ({ name, seed }: RunRecord): string => {
  const [bare = ''] = (name ?? '').split(new RegExp(`[\\s._/-]*(?:seed)?[\\s._=-]*${seed}$`, 'i'))
  return bare === '' ? (name ?? '') : bare
}

const precisionOf = ({ precision = 'float32' }: RunRecord): string => precision

/** Fields by path; the precision is told to the run and not to the experiment, and tells runs apart as they do. */
const configuration = (run: RunRecord): Map<string, unknown> =>
  new Map([['precision', precisionOf(run)] as const, ...flatten(run.config).filter(([path]) => path !== 'seed')])

/** Equal but for the seed. A child's name tells apart what its configuration does not. */
function isRepetition(a: RunRecord, b: RunRecord): boolean {
  if (a.experiment !== b.experiment || a.engine.name !== b.engine.name || a.seed === b.seed) return false
  if (precisionOf(a) !== precisionOf(b)) return false
  if (a.parent !== undefined && stem(a) !== stem(b)) return false
  return isDeepStrictEqual(configuration(a), configuration(b))
}

function groups(runs: readonly RunRecord[]): RunRecord[][] {
  const found: RunRecord[][] = []
  for (const run of runs) {
    const group = found.find((members) => members.every((member) => isRepetition(member, run)))
    if (group) group.push(run)
    else found.push([run])
  }
  return found.map((group) => group.toSorted((a, b) => a.seed - b.seed))
}

/** Names where they tell the arms apart, else the fields that differ, else ids. */
function labels(arms: readonly (readonly RunRecord[])[]): string[] {
  const first = arms.map((runs) => runs[0]!)
  const distinct = (names: string[]) => new Set(names).size === names.length && !names.includes('')
  const names = first.map(stem)
  if (distinct(names)) return names
  const fields = [...new Set(first.flatMap((run) => [...configuration(run).keys()]))]
  const differing = fields.filter(
    (field) =>
      !first.every((run) => isDeepStrictEqual(configuration(run).get(field), configuration(first[0]!).get(field))),
  )
  const settings = first.map((run) =>
    differing.map((field) => `${field}=${value(configuration(run).get(field))}`).join(' '),
  )
  return distinct(settings) ? settings : first.map(({ id }) => id)
}

const lowerIsBetter = /loss|perplexity|bits|error|violation/i

/** Compares runs, their children included. */
export async function compare(records: readonly RunRecord[]): Promise<Comparison> {
  const arms = groups(records.flatMap(leaves))
  const names = labels(arms)
  const metrics = await Promise.all(arms.map((runs) => Promise.all(runs.map(metricsOf))))
  const all = new Set(metrics.flat().flatMap((run) => [...run.keys()]))
  const seen = new Set<string>()
  const columns = [...all].map((metric): Column => {
    const estimates = metrics.map((runs) => estimate(runs.map((run) => run.get(metric)?.value)))
    // What an experiment returns often repeats what was evaluated, or is the same in all arms.
    const means = estimates.map((each) => each?.mean).join()
    const varies = arms.length === 1 || new Set(estimates.map((each) => each?.mean)).size > 1
    const telling = varies && !seen.has(means) && metrics.flat().some((run) => run.get(metric)?.telling === true)
    seen.add(means)
    const ranking = arms.length > 1 && lowerIsBetter.test(metric) ? rank(estimates, 'lower') : undefined
    return { metric, telling, estimates, ...(ranking?.clear === true && { best: ranking.best }) }
  })
  return { arms: arms.map((runs, arm) => ({ label: names[arm]!, runs })), columns }
}
