// The training steps that are timed and profiled, by name: a function that does one more step each time it is called.
import { plainMixture } from './plain-mixture.ts'
import { transformerStep } from './transformer-step.ts'

export const steps: Readonly<Record<string, () => Promise<() => void>>> = {
  /** nanoGPT's published configuration for a CPU. */
  'nanogpt-step': () =>
    transformerStep({
      style: 'gpt',
      layers: 4,
      heads: 4,
      width: 128,
      context: 64,
      batch: 12,
      vocabulary: 65,
      experts: 0,
      expertWidth: 512,
    }),
  /** A small mixture of OLMoE's shape. */
  'olmoe-step': () =>
    transformerStep({
      style: 'olmoe',
      layers: 4,
      heads: 4,
      width: 256,
      context: 256,
      batch: 8,
      vocabulary: 256,
      experts: 8,
      expertWidth: 512,
    }),
  /** A mixture in plain `tf`, by somebody who does not know mixlab's operations. */
  'plain-mixture-step': () => Promise.resolve(plainMixture().step),
}
