// A sweep in a script: the experiment, the search space over its fields, and the rest. Exported as a script's default, run by
// `mixlab sweep SCRIPT`; what the command line says wins. The space's names are checked against the experiment's
// configuration by the compiler, and its ranges by the schema before the first trial starts.
import type { PluginReference } from '@mixlab/core'
import type { Experiment } from '@mixlab/lab'
import type { Dimension, Parameters } from '@mixlab/studies'
import type { Budget, Population } from './sweep-config.ts'

const marker = Symbol.for('mixlab.sweep')

type Plain = string | number | boolean | null | undefined

/** Dotted paths into a configuration, four levels deep; what is open (a plugin's own fields) takes any name. */
export type FieldPath<T, Depth extends readonly unknown[] = []> = Depth['length'] extends 4
  ? never
  : T extends Plain | readonly unknown[]
    ? never
    : T extends object
      ? {
          [K in keyof T & string]-?: K | `${K}.${FieldPath<NonNullable<T[K]>, [...Depth, unknown]>}`
        }[keyof T & string]
      : never

export type SearchSpace<Input> = unknown extends Input
  ? Readonly<Record<string, Dimension>>
  : { readonly [P in FieldPath<Input>]?: Dimension }

export interface SweepDefinition<Input> {
  readonly experiment: Experiment<Input>
  /** Fields of the experiment's configuration, by dotted path, each with what it can be: `float(1e-4, 1e-2, { log: true })`. */
  readonly space: SearchSpace<Input>
  /** `validationLoss`, `accuracy:max`, or several of them. */
  readonly objective: string | readonly string[]
  readonly trials?: number
  /** Runs of each point; the objective is their mean. Default 1. */
  readonly seeds?: number
  /** How many of the best points are run with all seeds; the others with the first. Default: all points. */
  readonly finalists?: number
  /** Default `tpe`, for several objectives `nsga-ii`. */
  readonly sampler?: PluginReference
  readonly stopper?: PluginReference
  readonly executor?: PluginReference
  readonly jobs?: number
  /** Points to try first. */
  readonly enqueue?: readonly Parameters[]
  /** Solves for a field so that every point costs the same. */
  readonly budget?: Omit<Budget, 'tolerance'> & { readonly tolerance?: number }
  /** Population-based training in place of independent trials. */
  readonly population?: Population
  /** What every trial's configuration begins with. */
  readonly config?: Input
}

export interface Sweep extends Omit<SweepDefinition<unknown>, 'space'> {
  readonly space: Readonly<Record<string, Dimension>>
}

/** Defines a sweep over the fields of an experiment's configuration. */
export function defineSweep<Input>(definition: SweepDefinition<Input>): Sweep {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- forgets the names' types once they are checked
  return Object.defineProperty({ ...definition } as unknown as Sweep, marker, { value: true })
}

/** Recognises a sweep across duplicated copies of this package. */
export const isSweep = (value: unknown): value is Sweep =>
  typeof value === 'object' && value !== null && marker in value
