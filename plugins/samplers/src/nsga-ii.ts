// The genetic algorithm for several objectives, as Optuna's NSGAIISampler.
import { defineSampler } from '@mixlab/studies'
import { z } from 'zod'
import { childOf } from './nsga-ii/child.ts'
import { generationAttribute, nextGeneration } from './nsga-ii/generations.ts'
import { drawActive, randomValue } from './space/draw.ts'

const probability = z.number().min(0).max(1)

export const nsgaIISampler = defineSampler({
  name: 'nsga-ii',
  summary: 'A genetic algorithm that spreads its population over the best trade-offs of several objectives',
  source: 'https://doi.org/10.1109/4235.996017',
  config: z.object({
    populationSize: z.int().min(2).default(50).describe('Trials of a generation'),
    crossover: probability.default(0.9).describe('Probability that a trial has two parents and not one'),
    swapping: probability.default(0.5).describe('Probability that a parameter is the first parent’s'),
    mutation: probability
      .optional()
      .describe('Probability that a parameter is drawn anew; by default 1/n of n parameters'),
  }),
  create: ({ populationSize, ...heredity }) => ({
    ask: ({ study, rng }) => {
      const { generation, parents } = nextGeneration(study, populationSize)
      return {
        parameters:
          parents.length === 0
            ? drawActive(study.space, (parameter) => randomValue(parameter, rng))
            : childOf(study.space, parents, study.directions, heredity, rng),
        attributes: { [generationAttribute]: generation },
      }
    },
  }),
})
