// Early stopping on any number that an event carries, under the names `train.loss`, `train.<part>`, `train.gradientNorm`,
// `routing.<layer>.<statistic>` and `<evaluator>.<metric>` (so the validation loss is `validation.loss`).
import type { EventType, MixlabEvents } from '@mixlab/core'
import type { EarlyStoppingConfig } from './config.ts'

/** The numbers in an event, by the names that early stopping knows them by. */
export function metricsOf<T extends EventType>(type: T, data: MixlabEvents[T]): Record<string, number> {
  const event = { type, data } as { [K in EventType]: { type: K; data: MixlabEvents[K] } }[EventType]
  switch (event.type) {
    case 'train.step': {
      const { loss, losses, gradientNorm } = event.data
      const parts = Object.entries(losses).map(([name, value]) => [`train.${name}`, value])
      return { ...Object.fromEntries(parts), 'train.loss': loss, 'train.gradientNorm': gradientNorm }
    }
    case 'mixture.routing': {
      const { layer, entropy, maxViolation, dropped } = event.data
      return {
        [`routing.${layer}.entropy`]: entropy,
        [`routing.${layer}.maxViolation`]: maxViolation,
        [`routing.${layer}.dropped`]: dropped,
      }
    }
    case 'eval.result': {
      const { evaluator, metrics } = event.data
      return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`${evaluator}.${name}`, value]))
    }
    default:
      return {}
  }
}

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
