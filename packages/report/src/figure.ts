// What every figure function returns: a drawing and the sentence that says how to read it. The page numbers them.
import type { Arm, Run } from './arms.ts'
import { finite, meanSeries, smooth } from './curves.ts'
import type { Curve } from './figures/line-chart.ts'
import type { Markup } from './html.ts'
import type { RunSeries, Series } from './series.ts'

export interface Figure {
  /** Unique in the page. */
  readonly id: string
  readonly title: string
  /** One sentence: how to read it. */
  readonly caption: string
  readonly body: Markup
  /** How much of the page's width it takes. */
  readonly width: 'full' | 'wide' | 'half' | 'narrow' | 'panel'
}

/** Heat maps of more arms than this would be a wall; the arms with the lowest loss are shown. */
export const ARMS_WITH_MAPS = 8

const RUNS_WITH_CURVES = 40

export interface CurveOptions {
  /** The span of the smoothing as a share of the run's points; none by default. */
  readonly smoothing?: number
}

/** Smoothed over a share of its points; a series too short for that stays as it is. */
export const smoothed = (series: Series, share: number): Series =>
  series.length * share < 1.5 ? finite(series) : smooth(series, series.length * share)

/** One thick curve per arm (the mean over its seeds) above the thin curves of its runs. */
export function armCurves(arms: readonly Arm[], pick: (run: RunSeries) => Series, options: CurveOptions = {}): Curve[] {
  const prepared = arms.map((arm) => ({
    arm,
    runs: arm.runs
      .map((run) => pick(run.series))
      .map((series) => (options.smoothing === undefined ? series : smoothed(series, options.smoothing)))
      .filter((series) => series.length > 0),
  }))
  const total = prepared.reduce((sum, { runs }) => sum + runs.length, 0)
  const thinOnes = prepared.flatMap(({ arm, runs }): Curve[] =>
    runs.length > 1 && total <= RUNS_WITH_CURVES
      ? runs.map((points) => ({ arm: arm.index, label: arm.label, points, weight: 'run' }))
      : [],
  )
  const thick = prepared.flatMap(({ arm, runs }): Curve[] => {
    const mean = meanSeries(runs)
    // Runs that have no step in common (different evaluation intervals) have no mean curve: then each is drawn thick.
    const drawn = mean.length > 0 ? [mean] : runs
    return drawn.map((points) => ({ arm: arm.index, label: arm.label, points, weight: 'main' }))
  })
  return [...thinOnes, ...thick]
}

/** The run that stands for an arm where runs cannot be averaged (members have no identity across seeds). */
export const representative = (arm: Arm, has: (run: RunSeries) => boolean): Run | undefined =>
  arm.runs.find((run) => has(run.series))
