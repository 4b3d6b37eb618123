// Early stopping on any number that an event carries, by its name in `metricsOf`.
import type { EarlyStoppingConfig } from './config.ts'

/** What survives in a checkpoint. */
export interface EarlyStoppingState {
  readonly best: number | null
  /** Values since the best one. */
  readonly waited: number
}

export interface EarlyStopping {
  /** Takes note of an event's metrics; true from the moment when patience has run out. */
  observe(metrics: Readonly<Record<string, number>>): boolean
  /** Whether the metric has been seen at all. */
  readonly seen: boolean
  readonly state: EarlyStoppingState
}

export function createEarlyStopping(
  config: EarlyStoppingConfig,
  initial: EarlyStoppingState = { best: null, waited: 0 },
): EarlyStopping {
  const sign = config.mode === 'min' ? 1 : -1
  let { best, waited } = initial
  return {
    observe(metrics) {
      const value = metrics[config.metric]
      if (value !== undefined) {
        // What is not finite is no improvement, not even as the first value (and JSON could not hold it).
        const improved = Number.isFinite(value) && (best === null || (best - value) * sign > config.minDelta)
        if (improved) best = value
        waited = improved ? 0 : waited + 1
      }
      return waited >= config.patience
    },
    get seen() {
      return best !== null
    },
    get state() {
      return { best, waited }
    },
  }
}
