// Whether our engine computes in a precision.
import type { RunningEngine } from '@mixlab/tensor'
import type { Precision } from './operations.ts'

/** Why the engine cannot; undefined where it can. */
export const missingPrecision = (engine: RunningEngine, precision: Precision): string | undefined =>
  engine.precisions?.includes(precision) ? undefined : `the ${engine.name} engine has no ${precision}`
