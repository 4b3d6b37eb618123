// The one place where the benchmark asks our engine for a precision.
import type { RunningEngine } from '@mixlab/tensor'
import type { Precision } from './operations.ts'

/** Makes what is run from here on compute in a precision. @returns why it cannot; undefined where it can */
export function usePrecision(engine: RunningEngine, precision: Precision): string | undefined {
  return precision === 'float32' ? undefined : `the ${engine.name} engine has no ${precision}`
}
