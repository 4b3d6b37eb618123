// A sweep as data, from what the script defines and what the command line says; the latter wins. Everything that can be found
// wrong before the first trial is found here: every dimension is tried at its ends, or with each of its choices, against the
// experiment's schema and its plugins'.
import {
  describeFields,
  MixlabError,
  parseConfiguration,
  parseValue,
  pluginConfiguration,
  type PluginReference,
  type PluginTable,
  splitReference,
  suggest,
} from '@mixlab/core'
import type { Experiment } from '@mixlab/lab'
import { cardinality, checkFixed, type ParameterValue, toSpace } from '@mixlab/studies'
import type { z } from 'zod'
import type { Sweep } from './define-sweep.ts'
import { parseObjective } from './objective.ts'
import { type Budget, type Population, populationSettings, type SweepConfig, sweepConfig } from './sweep-config.ts'
import { checkDimensions, spaceOf } from './sweep-space.ts'

/** What a command line says of a sweep; texts are as they were typed. */
export interface SweepFlags {
  readonly over?: readonly string[]
  readonly set?: readonly string[]
  readonly objective?: readonly string[]
  /** `field=value,field=value` each. */
  readonly enqueue?: readonly string[]
  /** `quantity=value:field`. */
  readonly budget?: string
  readonly trials?: number
  readonly seeds?: number
  readonly finalists?: number
  readonly jobs?: number
  readonly sampler?: PluginReference
  readonly stopper?: PluginReference
  readonly executor?: PluginReference
  /** `size=8,interval=100,generations=5` and perhaps other fields. */
  readonly population?: string
  readonly engine?: string
  readonly precision?: string
}

interface Source {
  /** Absolute. */
  readonly script: string
  readonly experiment: Experiment
  readonly plugins: PluginTable
  readonly flags: SweepFlags
  readonly sweep?: Sweep
}

const TRIALS = 20

/** @throws MixlabError on the first thing that is wrong, with what was expected. */
export function compileSweep(source: Source): z.input<typeof sweepConfig> {
  const { script, experiment, flags, sweep, plugins } = source
  const objectives = objectivesOf(flags.objective ?? sweep?.objective)
  const sampler = flags.sampler ?? sweep?.sampler ?? (objectives.length > 1 ? 'nsga-ii' : 'tpe')
  const stopper = flags.stopper ?? sweep?.stopper
  const executor = flags.executor ?? sweep?.executor ?? 'local'
  checkPlugin(plugins, 'sampler', sampler)
  checkPlugin(plugins, 'executor', executor)
  if (stopper !== undefined) checkPlugin(plugins, 'stopper', stopper)
  if (stopper !== undefined && objectives.length > 1)
    throw new MixlabError('a stopper judges one objective: leave --stopper out, or all objectives but one')
  const base = { config: { ...(sweep?.config as object | undefined) }, set: [...(flags.set ?? [])] }
  const space = spaceOf(source)
  const budget = flags.budget === undefined ? sweep?.budget : parseBudget(flags.budget)
  if (budget && space[budget.free])
    throw new MixlabError(`${budget.free} is both a dimension and the budget's free field: it can only be one of them`)
  const population = flags.population === undefined ? sweep?.population : parsePopulation(flags.population)
  if (population && budget)
    throw new MixlabError(
      'the members of a population copy one another, so their shapes cannot move: leave the budget out',
    )
  if (population) checkPopulation(experiment, population, { stopper, seeds: flags.seeds ?? sweep?.seeds ?? 1 })
  const trials = population
    ? population.size * population.generations
    : (flags.trials ?? sweep?.trials ?? (splitReference(sampler).name === 'grid' ? gridSize(space) : TRIALS))
  const config = {
    script,
    ...base,
    space,
    enqueued: (flags.enqueue ?? []).map((text) => parsePoint(text, space)).concat(sweep?.enqueue ?? []),
    objectives,
    trials,
    seeds: flags.seeds ?? sweep?.seeds ?? 1,
    finalists: flags.finalists ?? sweep?.finalists ?? null,
    sampler: asReference(sampler),
    stopper: stopper === undefined ? null : asReference(stopper),
    executor: asReference(executor),
    jobs: flags.jobs ?? sweep?.jobs ?? null,
    engine: flags.engine ?? null,
    precision: flags.precision ?? null,
    budget: budget ?? null,
    population: population ?? null,
  }
  const checked = sweepConfig.parse(config)
  for (const point of checked.enqueued) checkFixed(toSpace(checked.space), point)
  checkDimensions({ experiment, plugins, sweep: checked })
  return config
}

function parsePopulation(text: string): Population {
  const fields = text.split(',').map((part): [string, unknown] => {
    const at = part.indexOf('=')
    return [part.slice(0, at), parseValue(part.slice(at + 1))]
  })
  return parseConfiguration(populationSettings, Object.fromEntries(fields), `--population ${text}`)
}

/** Members are trained in stretches, by a trainer that can begin with a checkpoint and stop in the middle. */
function checkPopulation(
  experiment: Experiment,
  { field = 'training' }: Population,
  { stopper, seeds }: { readonly stopper: PluginReference | undefined; readonly seeds: number },
): void {
  if (stopper !== undefined)
    throw new MixlabError('a population replaces its worst members itself: leave the stopper out')
  if (seeds > 1) throw new MixlabError('a population has one run for each member: leave --seeds out')
  const known = describeFields(experiment.config).map(({ path }) => path)
  if (known.includes(`${field}.start`) && known.includes(`${field}.stopAt`)) return
  throw new MixlabError(
    `a population trains in stretches, but ${experiment.name} has no ${field}.start and ${field}.stopAt: give its configuration a trainingConfig under ${field}`,
  )
}

const asReference = (reference: PluginReference): string | { [field: string]: unknown; name: string } =>
  typeof reference === 'string' ? reference : { ...reference }

const objectivesOf = (given: string | readonly string[] | undefined) => {
  const texts = typeof given === 'string' ? [given] : (given ?? [])
  return texts.length === 0 ? [parseObjective('validationLoss')] : texts.map(parseObjective)
}

function checkPlugin(plugins: PluginTable, kind: 'sampler' | 'stopper' | 'executor', reference: PluginReference): void {
  const { name, config } = splitReference(reference)
  pluginConfiguration(plugins.find(kind, name), config)
}

/** `activeParameters=1e6:experts.width`, and perhaps `:0.01`, the tolerance. */
function parseBudget(text: string): Budget {
  const [, quantity = '', value = '', free = '', tolerance] =
    /^(\w+)=([\d.e+]+):([^:=]+)(?::([\d.e-]+))?$/.exec(text) ?? []
  const parsed = sweepConfig.shape.budget.safeParse({
    quantity,
    value: Number(value),
    free,
    ...(tolerance !== undefined && { tolerance: Number(tolerance) }),
  })
  if (parsed.success && parsed.data) return parsed.data
  throw new MixlabError(
    `--budget ${text}: expected quantity=value:field, e.g. activeParameters=1e6:experts.width, with activeParameters, totalParameters or flopsPerToken`,
  )
}

function parsePoint(text: string, space: SweepConfig['space']): Record<string, ParameterValue> {
  return Object.fromEntries(
    text.split(',').map((part): [string, ParameterValue] => {
      const at = part.indexOf('=')
      const name = part.slice(0, at).trim()
      if (at <= 0) throw new MixlabError(`--enqueue ${text}: expected field=value,field=value`)
      if (!space[name])
        throw new MixlabError(`--enqueue ${text}: ${name} is not a dimension.${suggest(name, Object.keys(space))}`)
      return [name, parseValue(part.slice(at + 1)) as ParameterValue]
    }),
  )
}

/** At most; conditions make a grid smaller, and the sampler says when it is exhausted. */
const gridSize = (space: SweepConfig['space']): number =>
  Math.min(
    1_000_000,
    toSpace(space).reduce((product, { distribution }) => product * cardinality(distribution), 1),
  )
