// Stoppers: what ends a trial early, with the decisions of Optuna's pruners.
import { ashaStopper } from './asha.ts'
import { hyperbandStopper } from './hyperband.ts'
import { medianStopper } from './median.ts'
import { patienceStopper } from './patience.ts'
import { percentileStopper } from './percentile.ts'
import { thresholdStopper } from './threshold.ts'
import { wilcoxonStopper } from './wilcoxon.ts'

export {
  ashaStopper,
  hyperbandStopper,
  medianStopper,
  patienceStopper,
  percentileStopper,
  thresholdStopper,
  wilcoxonStopper,
}

/** All of them, for a lab's defaults. */
export const stoppers = [
  medianStopper,
  percentileStopper,
  ashaStopper,
  hyperbandStopper,
  patienceStopper,
  thresholdStopper,
  wilcoxonStopper,
]
