// Distributions as a journal has them: Optuna's class name and attributes in Optuna's order, byte for byte, since Optuna
// compares them; and parameter values in its internal representation (a categorical value is the index of its choice).
import { MixlabError } from '@mixlab/core'
import type { CategoricalDistribution, Distribution, ParameterValue } from './distribution.ts'
import { parsePythonJson, pythonFloat, pythonJson } from './python-json.ts'

/** What optuna.distributions.distribution_to_json gives for the same distribution. */
export function distributionToJson(distribution: Distribution): string {
  switch (distribution.kind) {
    case 'float': {
      const { low, high, log = false, step } = distribution
      const text = `"step": ${step === undefined ? 'null' : pythonFloat(step)}, "low": ${pythonFloat(low)}, "high": ${pythonFloat(high)}, "log": ${log}`
      return `{"name": "FloatDistribution", "attributes": {${text}}}`
    }
    case 'int': {
      const { low, high, log = false, step = 1 } = distribution
      return `{"name": "IntDistribution", "attributes": {"log": ${log}, "step": ${step}, "low": ${low}, "high": ${high}}}`
    }
    case 'categorical':
      return `{"name": "CategoricalDistribution", "attributes": {"choices": ${pythonJson(distribution.choices, ', ', ': ')}}}`
    default:
      return distribution satisfies never
  }
}

interface Attributes {
  readonly low: number
  readonly high: number
  readonly log?: boolean
  readonly step?: number | null
  /** The step, as DiscreteUniformDistribution calls it. */
  readonly q?: number
  readonly choices: readonly ParameterValue[]
}

const floatOf = ({ low, high, step }: Attributes, log: boolean | undefined): Distribution => ({
  kind: 'float',
  low,
  high,
  ...(log === true && { log: true }),
  ...(step !== undefined && step !== null && { step }),
})

const intOf = ({ low, high, step }: Attributes, log: boolean | undefined): Distribution => ({
  kind: 'int',
  low,
  high,
  ...(log === true && { log: true }),
  ...(step !== undefined && step !== null && step !== 1 && { step }),
})

/** Today's names, those of Optuna before 3.0, and the short form's types, all of which Optuna still reads. */
const readers: Readonly<Record<string, (attributes: Attributes) => Distribution>> = {
  FloatDistribution: (attributes) => floatOf(attributes, attributes.log),
  IntDistribution: (attributes) => intOf(attributes, attributes.log),
  CategoricalDistribution: ({ choices }) => ({ kind: 'categorical', choices }),
  UniformDistribution: (attributes) => floatOf(attributes, false),
  LogUniformDistribution: (attributes) => floatOf(attributes, true),
  DiscreteUniformDistribution: ({ q, ...attributes }) => floatOf({ ...attributes, step: q ?? null }, false),
  IntUniformDistribution: (attributes) => intOf(attributes, false),
  IntLogUniformDistribution: (attributes) => intOf(attributes, true),
  float: (attributes) => floatOf(attributes, attributes.log),
  int: (attributes) => intOf(attributes, attributes.log),
  categorical: ({ choices }) => ({ kind: 'categorical', choices }),
}

/** A study has few distributions and a journal repeats them in every trial. */
const known = new Map<string, Distribution>()

/** @throws MixlabError on a distribution that no version of Optuna wrote */
export function distributionFromJson(json: string): Distribution {
  const found = known.get(json)
  if (found) return found
  const { name, type, attributes, ...short } = parsePythonJson(json) as {
    readonly name?: string
    readonly type?: string
    readonly attributes?: Attributes
  } & Partial<Attributes>
  const read = readers[name ?? type ?? '']
  if (read === undefined)
    throw new MixlabError(
      `unknown distribution ${json.slice(0, 120)}: expected one of Optuna's; this version cannot read it`,
    )
  const distribution = read(attributes ?? (short as Attributes))
  known.set(json, distribution)
  return distribution
}

/** -1 where it is none of the choices. NaN equals NaN, and true is not 1. */
const choiceIndex = ({ choices }: CategoricalDistribution, value: ParameterValue): number =>
  choices.findIndex((choice) => Object.is(choice, value) || choice === value)

/** The internal representation as it stands in a journal. Categorical values must be among the choices. */
export const internalJson = (distribution: Distribution, value: ParameterValue): string =>
  distribution.kind === 'categorical' ? String(choiceIndex(distribution, value)) : pythonFloat(value as number)

/** A value from its internal representation; undefined where there is no such choice. */
export function externalValue(distribution: Distribution, internal: number): ParameterValue {
  switch (distribution.kind) {
    case 'float':
      return internal
    case 'int':
      return Math.trunc(internal)
    case 'categorical':
      return distribution.choices[Math.trunc(internal)]!
    default:
      return distribution satisfies never
  }
}

/**
 * Whether two trials of one study may have these for one parameter: the bounds may differ; the kind, the scale, and a
 * categorical's choices may not (optuna.distributions.check_distribution_compatibility).
 */
export function areCompatible(before: Distribution, after: Distribution): boolean {
  if (before === after) return true
  if (before.kind === 'categorical')
    return (
      after.kind === 'categorical' &&
      before.choices.length === after.choices.length &&
      before.choices.every(
        (choice, index) => Object.is(choice, after.choices[index]) || choice === after.choices[index],
      )
    )
  return before.kind === after.kind && (before.log ?? false) === (after.log ?? false)
}
