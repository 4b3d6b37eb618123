// The training steps that are timed and profiled, by name: a function that does one more step each time it is called.
import { plainMixture } from './plain-mixture.ts'
import { shapes } from './shapes.ts'
import { transformerStep } from './transformer-step.ts'

export const steps: Readonly<Record<string, () => Promise<() => void>>> = {
  'nanogpt-step': () => transformerStep(shapes['nanogpt-step']),
  'olmoe-step': () => transformerStep(shapes['olmoe-step']),
  /** A mixture in plain `tf`, by somebody who does not know mixlab's operations. */
  'plain-mixture-step': () => Promise.resolve(plainMixture().step),
  /** The same with the mixture layer. */
  'mixture-step': () => transformerStep(shapes['mixture-step']),
}
