// What one parameter can be. Three kinds, Optuna's (optuna.distributions), so that a study's file is read by both; whatever
// else a search space knows (a permutation, a condition) is expressed in these by `Space`.

export type ParameterValue = number | string | boolean | null

export interface FloatDistribution {
  readonly kind: 'float'
  readonly low: number
  readonly high: number
  /** Uniform in the logarithm; low > 0. Not together with `step`. */
  readonly log?: boolean
  /** Values are low, low + step, … ≤ high. */
  readonly step?: number
}

export interface IntDistribution {
  readonly kind: 'int'
  readonly low: number
  readonly high: number
  /** Uniform in the logarithm; low ≥ 1. Not together with a `step` other than 1. */
  readonly log?: boolean
  /** Default 1. */
  readonly step?: number
}

export interface CategoricalDistribution {
  readonly kind: 'categorical'
  readonly choices: readonly ParameterValue[]
}

export type Distribution = FloatDistribution | IntDistribution | CategoricalDistribution

/** How many values it has; Infinity for a float without a step. */
export function cardinality(distribution: Distribution): number {
  switch (distribution.kind) {
    case 'float':
      if (distribution.low === distribution.high) return 1
      return distribution.step === undefined
        ? Infinity
        : Math.floor((distribution.high - distribution.low) / distribution.step + 1e-9) + 1
    case 'int':
      return Math.floor((distribution.high - distribution.low) / (distribution.step ?? 1)) + 1
    case 'categorical':
      return distribution.choices.length
    default:
      return distribution satisfies never
  }
}

/** Whether `value` is one of its values (for a float: within its bounds). */
export function contains(distribution: Distribution, value: ParameterValue): boolean {
  switch (distribution.kind) {
    case 'float':
      return typeof value === 'number' && value >= distribution.low && value <= distribution.high
    case 'int':
      return (
        typeof value === 'number' &&
        Number.isInteger(value) &&
        value >= distribution.low &&
        value <= distribution.high &&
        (value - distribution.low) % (distribution.step ?? 1) === 0
      )
    case 'categorical':
      return distribution.choices.includes(value)
    default:
      return distribution satisfies never
  }
}
