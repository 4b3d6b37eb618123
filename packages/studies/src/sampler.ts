// The contract of samplers. A sampler is a function of the study so far: it keeps no state of its own that a process that
// joins later would lack (what it must remember is in trials' system attributes), and its random numbers are those of
// the trial's number, so that a sweep that is killed and resumed asks the same points.
import { pluginHelper, type RandomStream } from '@mixlab/core'
import type { Parameters, Space } from './space.ts'
import type { Direction, Trial } from './trial.ts'

/** What samplers and stoppers see of a study. */
export interface StudyView {
  readonly directions: readonly Direction[]
  readonly space: Space
  /** All trials by number, the running ones included. */
  readonly trials: readonly Trial[]
}

export interface Ask {
  readonly study: StudyView
  /** The number that the new trial gets. */
  readonly number: number
  /** Random numbers of this (study seed, trial number). */
  readonly rng: RandomStream
}

export interface Sample {
  /** A value for every parameter that is active under the others. */
  readonly parameters: Parameters
  /** Kept as the trial's system attributes, for the sampler's later asks. */
  readonly attributes?: Readonly<Record<string, unknown>>
}

export interface Sampler {
  /** The next point; undefined when there is none left (a grid that is exhausted). */
  ask(ask: Ask): Sample | undefined
  /** Called once when a trial of the study has ended, with the study as it is then. Rarely needed. */
  tell?(study: StudyView, trial: Trial): void
}

declare module '@mixlab/core' {
  interface PluginKinds {
    sampler: { instance: Sampler; context: SamplerContext }
  }
}

export interface SamplerContext {
  readonly space: Space
  readonly directions: readonly Direction[]
  /** The study's seed. */
  readonly seed: number
}

export const defineSampler = pluginHelper('sampler')
