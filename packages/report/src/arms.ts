// Runs that differ only by seed are repetitions of one arm. Arms are found from the resolved configurations, not from
// names; names only label them.
import { isDeepStrictEqual } from 'node:util'
import type { RunRecord } from '@mixlab/lab'
import { ellipsis } from './format.ts'
import type { RunSeries } from './series.ts'

/** A run that has something of its own to show, and the run given by the reader that it belongs to. */
export interface Run {
  readonly record: RunRecord
  readonly series: RunSeries
  readonly root: RunRecord
}

export interface Arm {
  /** Position among all arms; decides the colour. */
  readonly index: number
  readonly label: string
  /** By seed. */
  readonly runs: readonly Run[]
}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A configuration as `a.b` → value; arrays are values. Key order does not matter. */
export function flatten(config: unknown, prefix = ''): Map<string, unknown> {
  if (!isPlain(config) || Object.keys(config).length === 0) return new Map(prefix === '' ? [] : [[prefix, config]])
  const entries = Object.keys(config)
    .toSorted()
    .flatMap((key) => [...flatten(config[key], prefix === '' ? key : `${prefix}.${key}`)])
  return new Map(entries)
}

/** What a run was told: its experiment's configuration, and the precision, where it has tensors. */
export const settingsOf = ({ config, precision }: RunRecord): unknown =>
  precision !== undefined && isPlain(config) ? { precision, ...config } : config

const withoutSeed = (config: unknown): Map<string, unknown> => {
  const fields = flatten(config)
  fields.delete('seed')
  return fields
}

/** A value as it is shown: strings bare, everything else as JSON. */
export const show = (value: unknown): string =>
  value === undefined ? '–' : typeof value === 'string' ? value : JSON.stringify(value)

/**
 * The fields, seeds aside, that are not the same in all the configurations. A field that some lack (of a router's
 * configuration, where the others have no router) counts if those that have it differ; if no field is left then, all do.
 */
export function differingFields(configs: readonly unknown[]): string[] {
  const maps = configs.map(withoutSeed)
  const keys = [...new Set(maps.flatMap((map) => [...map.keys()]))].toSorted()
  const differs = (key: string, among: readonly Map<string, unknown>[]): boolean =>
    among.some((map) => !isDeepStrictEqual(map.get(key), among[0]?.get(key)))
  const having = (key: string): Map<string, unknown>[] => maps.filter((map) => map.has(key))
  const telling = keys.filter((key) => differs(key, having(key)))
  return telling.length > 0 ? telling : keys.filter((key) => differs(key, maps))
}

/** A name without the seed at its end: `top-k-seed-3` of seed 3 is `top-k`. */
function stem(name: string, seed: number, bare: boolean): string {
  const word = bare ? '(?:seed|s)?' : 'seed'
  const found = new RegExp(`^(.*?)[\\s._/·,-]*${word}[\\s._=-]*${seed}$`, 'i').exec(name)?.[1]
  return found === undefined || found === '' ? name : found
}

const isChild = (run: Run): boolean => run.record.path !== run.root.path
const nameOf = (run: Run): string | undefined => run.record.name ?? (isChild(run) ? run.record.id : undefined)

function groupBy<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const name = key(item)
    const group = groups.get(name)
    if (group) group.push(item)
    else groups.set(name, [item])
  }
  return [...groups.values()]
}

const repeatsSeed = (runs: readonly Run[]): boolean => new Set(runs.map((run) => run.record.seed)).size < runs.length

/**
 * Groups runs into arms. Runs with one configuration and one seed are not repetitions (a second seed tells about noise,
 * a second run of the same seed about a change of code or machine): they stay apart.
 */
export function groupArms(runs: readonly Run[]): Arm[] {
  const identity = (run: Run): string =>
    JSON.stringify([
      run.record.experiment,
      run.record.engine.name,
      run.record.precision ?? 'float32',
      [...withoutSeed(run.record.config)],
      isChild(run) ? stem(nameOf(run) ?? '', run.record.seed, true) : '',
    ])
  const groups = groupBy(runs, identity)
    .flatMap((group) => (repeatsSeed(group) ? groupBy(group, (run) => run.root.path) : [group]))
    .flatMap((group) => (repeatsSeed(group) ? group.map((run) => [run]) : [group]))
    .map((group) => group.toSorted((a, b) => a.record.seed - b.record.seed))
  const labels = labelGroups(groups)
  return groups.map((group, index) => ({ index, label: labels[index]!, runs: group }))
}

/** Names where they tell the groups apart; else the differing fields; else the runs' ids. */
function labelGroups(groups: readonly (readonly Run[])[]): string[] {
  const configs = groups.map((group) => settingsOf(group[0]!.record))
  const fields = differingFields(configs)
  const described = configs.map((config) => {
    const values = flatten(config)
    return fields
      .slice(0, 3)
      .map((field) => `${field.split('.').at(-1)!}=${ellipsis(show(values.get(field)), 24)}`)
      .join(' ')
  })
  const named = groups.map((group, i) => {
    const run = group[0]!
    const name = nameOf(run)
    if (name !== undefined) return stem(name, run.record.seed, group.length > 1)
    if (groups.length === 1) return run.record.experiment
    return described[i] === '' ? run.record.id : described[i]!
  })
  const shared = (labels: readonly string[], i: number): boolean => labels.filter((l) => l === labels[i]).length > 1
  const detailed = named.map((label, i) =>
    shared(named, i) && described[i] !== '' && label !== described[i] ? `${label} ${described[i]!}` : label,
  )
  const identified = detailed.map((label, i) =>
    shared(detailed, i) ? `${label} (${groups[i]![0]!.root.id.split('-').at(-1)!})` : label,
  )
  return identified.map((label, i) => (shared(identified, i) ? `${label} ${i + 1}` : label))
}
