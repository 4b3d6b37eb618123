// What a person makes a search space of. A dimension is one field of a configuration; it becomes one parameter, or, for the
// order of a list, several (`permutation.ts`).
import { MixlabError } from '@mixlab/core'
import type { CategoricalDistribution, FloatDistribution, IntDistribution, ParameterValue } from './distribution.ts'
import { lastStep } from './decimal-steps.ts'

export interface PermutationDistribution {
  readonly kind: 'permutation'
  readonly items: readonly unknown[]
}

export interface Condition {
  readonly parameter: string
  readonly values: readonly ParameterValue[]
}

export type Dimension = (FloatDistribution | IntDistribution | CategoricalDistribution | PermutationDistribution) & {
  readonly when?: Condition
}

interface RangeOptions {
  /** Uniform in the logarithm. */
  readonly log?: boolean
  /** Only low, low + step, …, as far as they fit. */
  readonly step?: number
}

/** What is wrong with a range, if anything; the caller knows how it was written. */
export function rangeProblem(
  kind: 'float' | 'int',
  low: number,
  high: number,
  { log, step }: RangeOptions,
): string | undefined {
  const whole = kind === 'int'
  if (!Number.isFinite(low) || !Number.isFinite(high)) return 'both ends must be finite numbers'
  if (whole && !(Number.isSafeInteger(low) && Number.isSafeInteger(high))) return 'both ends must be whole numbers'
  if (low >= high) return `the first end must be less than the second, and ${low} is not less than ${high}`
  if (log && step !== undefined) return 'a logarithmic range has no step'
  if (log && low < (whole ? 1 : Number.MIN_VALUE))
    return `a logarithmic range begins ${whole ? 'at 1 or above' : 'above 0'}, not at ${low}`
  if (step === undefined || (step > 0 && step <= high - low && (!whole || Number.isSafeInteger(step)))) return undefined
  return `the step is ${step}, expected ${whole ? 'a whole number' : 'a number'} above 0 and at most ${high - low}`
}

export function choiceProblem(choices: readonly unknown[]): string | undefined {
  if (choices.length === 0) return 'there is nothing to choose from'
  const other = choices.find((one) => one !== null && !['string', 'number', 'boolean'].includes(typeof one))
  if (other !== undefined) return `${JSON.stringify(other)} is no text, number, true, false or null`
  const twice = choices.find((one, index) => choices.indexOf(one) !== index)
  return twice === undefined ? undefined : `${JSON.stringify(twice)} is there twice`
}

export const orderProblem = (items: readonly unknown[]): string | undefined =>
  items.length < 2 ? `${items.length} items have only one order` : undefined

function check(call: string, what: string | undefined, example: string): void {
  if (what !== undefined) throw new MixlabError(`${call}: ${what}; e.g. ${example}`, { code: 'invalid-space' })
}

/**
 * A number from `low` to `high`, both included; with a step, `high` becomes the last that fits.
 * @throws MixlabError when the range is empty, has no logarithm, or has logarithm and step
 */
export function float(low: number, high: number, options: RangeOptions = {}): FloatDistribution {
  const { log = false, step } = options
  const example = 'float(0.0001, 0.01, { log: true }) or float(0, 1, { step: 0.1 })'
  check(`float(${low}, ${high})`, rangeProblem('float', low, high, options), example)
  return step === undefined
    ? { kind: 'float', low, high, ...(log && { log }) }
    : { kind: 'float', low, high: lastStep(low, high, step), step }
}

/**
 * An integer from `low` to `high`, both included; with a step, `high` becomes the last that fits.
 * @throws MixlabError when the range is empty, not whole, has no logarithm, or has logarithm and step
 */
export function integer(low: number, high: number, options: RangeOptions = {}): IntDistribution {
  const { log = false, step = 1 } = options
  const example = 'integer(1, 8), integer(1, 64, { log: true }) or integer(16, 128, { step: 16 })'
  check(`integer(${low}, ${high})`, rangeProblem('int', low, high, options), example)
  return { kind: 'int', low, high: high - ((high - low) % step), ...(log && { log }), ...(step !== 1 && { step }) }
}

/**
 * One of some values: text, numbers, true, false, null.
 * @throws MixlabError when there is none, one twice, or one of another kind
 */
export function choice(choices: readonly ParameterValue[]): CategoricalDistribution {
  check(`choice(${JSON.stringify(choices)})`, choiceProblem(choices), "choice(['top-k', 'switch'])")
  return { kind: 'categorical', choices: [...choices] }
}

/**
 * The items in some order; they may be anything.
 * @throws MixlabError when there are fewer than two
 */
export function permutation(items: readonly unknown[]): PermutationDistribution {
  check(`permutation(${JSON.stringify(items)})`, orderProblem(items), "permutation(['dedupe', 'filter', 'split'])")
  return { kind: 'permutation', items: [...items] }
}

/** A dimension that exists only where the dimension `parameter`, declared before it, has one of `values`. */
export const when = <D extends Dimension>(
  parameter: string,
  values: ParameterValue | readonly ParameterValue[],
  dimension: D,
): D & { readonly when: Condition } => ({
  ...dimension,
  when: { parameter, values: Array.isArray(values) ? [...(values as ParameterValue[])] : [values as ParameterValue] },
})
