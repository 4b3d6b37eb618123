// The search space of a sweep, from what the script defines and what the command line says: parents first, a plugin's fields
// under the plugins that have them, and every dimension tried at its ends against the schemas.
import { describeFields, MixlabError, type Plugin, type PluginTable, suggest } from '@mixlab/core'
import type { Experiment } from '@mixlab/lab'
import {
  type Dimension,
  type FieldType,
  isActive,
  type Parameter,
  type Parameters,
  type ParameterValue,
  parseDimension,
  spaceDefinition,
  toSpace,
} from '@mixlab/studies'
import type { SweepFlags } from './compile-sweep.ts'
import type { Sweep } from './define-sweep.ts'
import { configurationAt, type PointContext } from './point.ts'

interface SpaceSource {
  readonly experiment: Experiment
  readonly plugins: PluginTable
  readonly flags: SweepFlags
  readonly sweep?: Sweep
}

/** The dimensions, parents first; a plugin's field exists under those choices of the plugin that have it. */
export function spaceOf({ experiment, plugins, flags, sweep }: SpaceSource): Record<string, Dimension> {
  const named = (text: string) => text.slice(0, text.indexOf('=')).trim()
  const byDepth = (a: string, b: string) => a.split('.').length - b.split('.').length
  const texts = (flags.over ?? []).toSorted((a, b) => byDepth(named(a), named(b)))
  const known: Record<string, Dimension> = {}
  for (const [name, dimension] of Object.entries(sweep?.space ?? {}).toSorted(([a], [b]) => byDepth(a, b)))
    known[name] = under(plugins, known, name, dimension as Dimension)
  const overs: { name: string; dimension: Dimension }[] = []
  for (const text of texts) {
    const name = named(text)
    const fieldType = typeOf(experiment, plugins, { ...known, ...spaceDefinition(overs) }, name)
    const parsed = parseDimension(text, fieldType === undefined ? {} : { fieldType })
    const dimension = under(plugins, { ...known, ...spaceDefinition(overs) }, parsed.name, parsed.dimension)
    overs.push({ name: parsed.name, dimension })
  }
  const all = { ...known, ...spaceDefinition(overs) }
  if (Object.keys(all).length === 0) {
    throw new MixlabError(
      `nothing to search: name a dimension, e.g. --over training.learningRate=1e-4..1e-2:log (mixlab run ${experiment.name} --help lists the fields)`,
    )
  }
  toSpace(all)
  return all
}

/** The dimension that a field belongs to as a plugin's own: `router` of `router.k`. */
const parentOf = (known: Readonly<Record<string, Dimension>>, name: string): string | undefined =>
  Object.keys(known).findLast((parent) => name.startsWith(`${parent}.`))

/** The plugins among a dimension's choices that have a field. */
function withField(
  plugins: PluginTable,
  parent: string,
  dimension: Dimension,
  field: string,
): { readonly plugins: readonly Plugin[]; readonly having: readonly Plugin[] } | undefined {
  if (dimension.kind !== 'categorical') return undefined
  const kind = parent.split('.').at(-1)
  const chosen = plugins.list().filter((plugin) => plugin.kind === kind && dimension.choices.includes(plugin.name))
  if (chosen.length === 0) return undefined
  const has = (plugin: Plugin) => describeFields(plugin.config).some(({ path }) => path === field)
  return { plugins: chosen, having: chosen.filter(has) }
}

/** A dimension with the condition that follows from being a plugin's field. */
function under(
  plugins: PluginTable,
  known: Readonly<Record<string, Dimension>>,
  name: string,
  dimension: Dimension,
): Dimension {
  const parent = parentOf(known, name)
  if (parent === undefined || dimension.when) return dimension
  const parentDimension = known[parent]!
  const field = name.slice(parent.length + 1)
  const found = withField(plugins, parent, parentDimension, field)
  if (!found) return dimension
  if (found.having.length === 0) {
    const fields = found.plugins.flatMap((plugin) => describeFields(plugin.config).map(({ path }) => path))
    throw new MixlabError(
      `--over ${name}: none of ${found.plugins.map((plugin) => plugin.name).join(', ')} has a field ${field}.${suggest(field, new Set(fields))}`,
    )
  }
  const choices = parentDimension.kind === 'categorical' ? parentDimension.choices : []
  const values = choices.filter((choice) => found.having.some((plugin) => plugin.name === choice))
  return values.length === choices.length ? dimension : { ...dimension, when: { parameter: parent, values } }
}

/** What kind of values a field takes, as far as the schemas say. */
function typeOf(
  experiment: Experiment,
  plugins: PluginTable,
  known: Readonly<Record<string, Dimension>>,
  name: string,
): FieldType | undefined {
  const parent = parentOf(known, name)
  const own = describeFields(experiment.config).find(({ path }) => path === name)
  const field = name.slice((parent ?? '').length + 1)
  const of = parent === undefined ? undefined : withField(plugins, parent, known[parent]!, field)?.having[0]
  const described = own ?? (of && describeFields(of.config).find(({ path }) => path === field))
  const type = described?.type.split(' | ')[0]?.split(' ')[0]
  if (type === 'list') return 'array'
  return type === 'integer' || type === 'number' || type === 'boolean' ? type : undefined
}

/** Tries each dimension at its ends, or with each of its choices, under a choice of its parents that brings it. */
export function checkDimensions(context: PointContext): void {
  const space = toSpace(context.sweep.space)
  configurationAt(context, {})
  for (const parameter of space) {
    for (const value of endsOf(parameter)) {
      const point = pointWith(space, parameter, value)
      try {
        configurationAt(context, point)
      } catch (error) {
        if (!MixlabError.is(error)) throw error
        const shown = typeof value === 'string' ? value : JSON.stringify(value)
        throw new MixlabError(`--over ${parameter.name}: ${shown} does not fit: ${error.message}`, { code: error.code })
      }
    }
  }
}

const endsOf = ({ distribution }: Parameter): readonly ParameterValue[] =>
  distribution.kind === 'categorical' ? distribution.choices : [distribution.low, distribution.high]

/** A point in which a parameter has a value: its parents as it needs them, and what they bring at its first value. */
function pointWith(space: readonly Parameter[], wanted: Parameter, value: ParameterValue): Parameters {
  const fixed: Record<string, ParameterValue> = { [wanted.name]: value }
  for (let at: Parameter | undefined = wanted; at?.when;) {
    const { parameter, values }: NonNullable<Parameter['when']> = at.when
    fixed[parameter] = values[0]!
    at = space.find(({ name }) => name === parameter)
  }
  const point: Record<string, ParameterValue> = {}
  for (const parameter of space) {
    if (!isActive(parameter, point)) continue
    const given = fixed[parameter.name]
    // What is not asked about keeps the sweep's own value, but for what the wanted one hangs on and an order's other digits.
    const digit = /\[\d+\]$/.test(parameter.name)
    if (given !== undefined) point[parameter.name] = given
    else if (digit) point[parameter.name] = endsOf(parameter)[0]!
  }
  return point
}
