// From a point of the search space to the configuration that a trial runs: the sweep's own, the point's values over it, the
// budget's free field solved for, and the whole checked against the experiment's schema and its plugins'.
import {
  type Configuration,
  MixlabError,
  nearMisses,
  parseConfiguration,
  type PluginTable,
  splitReference,
  suggest,
  withFields,
} from '@mixlab/core'
import { type Experiment, resolveConfiguration } from '@mixlab/lab'
import { decode, type Parameters } from '@mixlab/studies'
import { solveBudget } from './budget.ts'
import type { SweepConfig } from './sweep-config.ts'

/** What points are resolved against. */
export interface PointContext {
  readonly experiment: Experiment
  readonly plugins: PluginTable
  readonly sweep: Pick<SweepConfig, 'config' | 'set' | 'space' | 'budget'>
}

/** The configuration with the point's values set in it, checked; the budget is not applied. */
export function configurationAt({ experiment, plugins, sweep }: PointContext, parameters: Parameters): Configuration {
  const base = resolveConfiguration(experiment, { config: sweep.config, set: sweep.set })
  const fields = Object.entries(decode(sweep.space, parameters))
  const config = resolveConfiguration(experiment, { config: withFields(base, fields) })
  checkReferences(config, plugins)
  return config
}

/** What a trial of a point runs. */
export interface ResolvedPoint {
  readonly config: Configuration
  /** What the budget's free field was solved to be. */
  readonly free?: number
}

/**
 * The configuration that a trial of this point runs.
 * @param solved the free field's value, where it is known already: solving makes models
 * @throws MixlabError (`infeasible`) when no value of the budget's free field meets the budget.
 */
export async function resolvePoint(
  context: PointContext,
  parameters: Parameters,
  solved?: number,
): Promise<ResolvedPoint> {
  const config = configurationAt(context, parameters)
  const { budget } = context.sweep
  if (!budget) return { config }
  const free = solved ?? (await solveBudget(context, budget, (value) => withFree(context, config, budget.free, value)))
  return { config: withFree(context, config, budget.free, free), free }
}

const withFree = ({ experiment }: PointContext, config: Configuration, field: string, value: number): Configuration =>
  resolveConfiguration(experiment, { config: withFields(config, [[field, value]]) })

/**
 * Finds out now what a plugin's factory would find out in the middle of a trial: a field named like a kind that holds a
 * reference (`router: 'swich'`, `mixture.router: { name: 'top-k', k: 0 }`) is checked against that plugin.
 * @throws MixlabError with near misses.
 */
export function checkReferences(config: unknown, plugins: PluginTable, path = ''): void {
  if (typeof config !== 'object' || config === null) return
  const kinds = new Set<string>(plugins.list().map(({ kind }) => kind))
  for (const [name, value] of Object.entries(config)) {
    const here = path === '' ? name : `${path}.${name}`
    if (!kinds.has(name) || !isReference(value)) {
      checkReferences(value, plugins, here)
      continue
    }
    const { name: wanted, config: fields } = splitReference(value)
    const known = plugins.list().filter(({ kind }) => kind === name)
    const plugin = known.find((each) => each.name === wanted)
    if (!plugin) {
      const names = known.map((each) => each.name)
      const near = nearMisses(wanted, names)
      // An experiment may give a name of its own a meaning (`dense-model`): what resembles none may be one.
      if (near.length === 0 && Object.keys(fields).length === 0) continue
      throw new MixlabError(`${here}: unknown ${name} "${wanted}".${suggest(wanted, names)}`, {
        code: 'unknown-plugin',
      })
    }
    parseConfiguration(plugin.config, fields, `${here} (${name} ${wanted})`)
  }
}

const isReference = (value: unknown): value is string | { name: string } =>
  typeof value === 'string' ||
  (typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string')
