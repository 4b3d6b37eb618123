// Samplers: which point of a search space to try next. One file each.
import type { Plugin } from '@mixlab/core'
import { cmaEsSampler } from './cma-es.ts'
import { gridSampler } from './grid.ts'
import { nsgaIISampler } from './nsga-ii.ts'
import { randomSampler } from './random.ts'
import { sobolSampler } from './sobol.ts'
import { tpeSampler } from './tpe.ts'

export { cmaEsSampler, gridSampler, nsgaIISampler, randomSampler, sobolSampler, tpeSampler }
export { hypervolume } from './objectives/hypervolume.ts'

/** All of them. */
export const samplers: readonly Plugin<'sampler'>[] = [
  randomSampler,
  sobolSampler,
  gridSampler,
  tpeSampler,
  cmaEsSampler,
  nsgaIISampler,
]
