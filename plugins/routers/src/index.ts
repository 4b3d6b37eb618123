// Routers: one file each. Those with the trait `outcomes` learn from outcomes and are meant for agents; all work on both.
import type { Plugin } from '@mixlab/core'
import { denseRouter } from './dense.ts'
import { expertChoiceRouter } from './expert-choice.ts'
import { hashRouter } from './hash.ts'
import { linUcbRouter } from './lin-ucb.ts'
import { logisticRouter } from './logistic.ts'
import { matrixFactorizationRouter } from './matrix-factorization.ts'
import { mlpRouter } from './mlp.ts'
import { nearestNeighboursRouter } from './nearest-neighbours.ts'
import { noisyTopKRouter } from './noisy-top-k.ts'
import { randomRouter } from './random.ts'
import { sigmoidBiasRouter } from './sigmoid-bias.ts'
import { switchRouter } from './switch.ts'
import { topKRouter } from './top-k.ts'

export {
  denseRouter,
  expertChoiceRouter,
  hashRouter,
  linUcbRouter,
  logisticRouter,
  matrixFactorizationRouter,
  mlpRouter,
  nearestNeighboursRouter,
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
  nearestNeighboursRouter,
  logisticRouter,
  matrixFactorizationRouter,
  mlpRouter,
  linUcbRouter,
]
