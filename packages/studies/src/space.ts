// A search space: parameters in order, each with its distribution and, where it exists only under a choice of another, the
// condition. Parents come before their children. A sampler walks the list from the front and draws each parameter whose
// condition holds for what it has drawn so far.
import type { Distribution, ParameterValue } from './distribution.ts'

export type Parameters = Readonly<Record<string, ParameterValue>>

export interface Parameter {
  /** The field's dotted path, e.g. `training.learningRate`. */
  readonly name: string
  readonly distribution: Distribution
  /** It exists only where `parameter` is active and has one of `values`. */
  readonly when?: { readonly parameter: string; readonly values: readonly ParameterValue[] }
}

export type Space = readonly Parameter[]

/** Whether a parameter exists, given the values drawn for those before it. */
export const isActive = ({ when }: Parameter, drawn: Parameters): boolean =>
  when === undefined || (Object.hasOwn(drawn, when.parameter) && when.values.includes(drawn[when.parameter]!))
