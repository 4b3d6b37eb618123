// Routers: one file each.
import type { Plugin } from '@mixlab/core'
import { denseRouter } from './dense.ts'
import { expertChoiceRouter } from './expert-choice.ts'
import { hashRouter } from './hash.ts'
import { noisyTopKRouter } from './noisy-top-k.ts'
import { randomRouter } from './random.ts'
import { sigmoidBiasRouter } from './sigmoid-bias.ts'
import { switchRouter } from './switch.ts'
import { topKRouter } from './top-k.ts'

export {
  denseRouter,
  expertChoiceRouter,
  hashRouter,
  noisyTopKRouter,
  randomRouter,
  sigmoidBiasRouter,
  switchRouter,
  topKRouter,
}

/** All of them. */
export const routers: readonly Plugin<'router'>[] = [
  topKRouter,
  noisyTopKRouter,
  switchRouter,
  expertChoiceRouter,
  sigmoidBiasRouter,
  hashRouter,
  randomRouter,
  denseRouter,
]
