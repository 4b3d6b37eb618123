// The numbers in an event by name: `train.loss`, `train.<part>`, `train.gradientNorm`, `routing.<layer>.<statistic>` and
// `<evaluator>.<metric>` (so the validation loss is `validation.loss`). Early stopping, sweeps and trackers know them by
// these names.
import type { EventType, MixlabEvents } from './events.ts'

/** The metrics that an event carries, by name; none for most. */
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
