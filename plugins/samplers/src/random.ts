// Uniform draws, the baseline of every comparison (Bergstra & Bengio 2012) and what the other samplers begin with.
import { defineSampler } from '@mixlab/studies'
import { drawActive, randomValue } from './space/draw.ts'

export const randomSampler = defineSampler({
  name: 'random',
  summary: 'Independent uniform draws, uniform in the logarithm where the scale is one',
  source: 'https://www.jmlr.org/papers/v13/bergstra12a.html',
  create: () => ({
    ask: ({ study, rng }) => ({ parameters: drawActive(study.space, (parameter) => randomValue(parameter, rng)) }),
  }),
})
