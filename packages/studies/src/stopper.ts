// The contract of stoppers, Optuna's pruners: asked by the process that runs a trial each time the trial has reported an
// intermediate value, with the study as its file has it at that moment.
import { pluginHelper, type PluginTable } from '@mixlab/core'
import type { StudyView } from './sampler.ts'
import type { Direction, Trial } from './trial.ts'

export interface StopDecision {
  readonly stop: boolean
  /** Kept as the trial's system attributes whatever the decision (ASHA's rungs: `completed_rung_0`, …). */
  readonly attributes?: Readonly<Record<string, unknown>>
}

export interface Stopper {
  /**
   * A pure function: what a stopper must remember is in trials' system attributes.
   * @param trial the trial that has just reported; the largest step of its `intermediate` is the one to judge.
   */
  judge(study: StudyView, trial: Trial): StopDecision
}

declare module '@mixlab/core' {
  interface PluginKinds {
    stopper: { instance: Stopper; context: StopperContext }
  }
}

export interface StopperContext {
  readonly direction: Direction
  /** The study's name. Hyperband's brackets are drawn from it, as Optuna does, so that both put a trial into the same one. */
  readonly study: string
  /** Where a stopper that wraps another finds it. */
  readonly plugins: PluginTable
}

export const defineStopper = pluginHelper('stopper')
