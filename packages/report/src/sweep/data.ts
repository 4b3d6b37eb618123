// What a sweep's report is made from: plain data, filled from the sweep's journal and its run directories.
import type { Direction, ParameterValue, Space, Trial } from '@mixlab/studies'

export interface Objective {
  readonly name: string
  readonly direction: Direction
}

export interface TrialRun {
  /** The run's directory. */
  readonly path: string
  /** Its report; relative to the sweep's report, as the page links to it. */
  readonly report?: string
  readonly seed: number
  readonly status: string
}

export interface Cost {
  /** Per token. */
  readonly activeParameters: number
  readonly totalParameters: number
  readonly flopsPerToken: number
}

export interface SweepReport {
  readonly name: string
  readonly experiment: string
  /** The experiment's one line. */
  readonly summary?: string
  /** What to type to run it again. */
  readonly command?: string
  /** ISO 8601. */
  readonly startedAt: string
  readonly finishedAt?: string
  readonly status: 'running' | 'finished' | 'interrupted' | 'failed'
  /** Parameters that trials have and the space lacks are shown too. */
  readonly space: Space
  /** At least one. */
  readonly objectives: readonly Objective[]
  readonly trials: readonly Trial[]
  readonly sampler: string
  readonly stopper?: string
  /** Runs for each point. */
  readonly seeds: number
  /** Steps at which the stopper judges. */
  readonly rungs?: readonly number[]
  /** By trial number: `values[objective][seed]`. A trial without an entry has one seed, its own values. */
  readonly pointSeeds: Readonly<Record<number, { readonly values: readonly (readonly number[])[] }>>
  /**
   * Trials that add seeds to the best ones: their number → the number of the trial that they stand for. Where there are any,
   * the best point is one of them: a single value never beats a mean of several.
   */
  readonly finalists?: Readonly<Record<number, number>>
  /** By trial number. */
  readonly runs: Readonly<Record<number, readonly TrialRun[]>>
  /** By trial number. */
  readonly cost?: Readonly<Record<number, Cost>>
  /** Points that were never run, since no model satisfies the constraints there. */
  readonly infeasible: readonly {
    readonly parameters: Readonly<Record<string, ParameterValue>>
    readonly reason: string
  }[]
  readonly failures: readonly { readonly number: number; readonly reason: string }[]
}
