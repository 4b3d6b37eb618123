// Covariance matrix adaptation (Hansen & Ostermeier 2001) in the unit cube of the numeric parameters, as Optuna's CmaEsSampler:
// it begins in the middle with a sixth of the range as step. Choices and parameters under a condition are drawn at random.
import { MixlabError } from '@mixlab/core'
import { type Ask, cardinality, defineSampler, type Parameter, type Space, type Trial } from '@mixlab/studies'
import { z } from 'zod'
import { defaultPopulationSize, strategyOf } from './cma-es/constants.ts'
import { type Evaluated, generationAttribute, parentsAttribute, replay, type Steps } from './cma-es/replay.ts'
import { sampleWithin } from './cma-es/sample.ts'
import { initialState } from './cma-es/state.ts'
import { isComplete, lastReport } from './observed.ts'
import { drawActive, randomValue } from './space/draw.ts'
import { fromUnit, isNumeric, type NumericDistribution, toUnit } from './space/unit.ts'

interface Dimension extends Parameter {
  readonly distribution: NumericDistribution
}

const dimensionsOf = (space: Space): Dimension[] =>
  space.flatMap((parameter) =>
    parameter.when === undefined && isNumeric(parameter.distribution) && cardinality(parameter.distribution) > 1
      ? [{ ...parameter, distribution: parameter.distribution }]
      : [],
  )

const config = z.object({
  startupTrials: z.int().min(1).default(1).describe('Points are random until so many trials have ended'),
  populationSize: z
    .int()
    .min(4)
    .optional()
    .describe('Trials of a generation; by default 4 + ⌊3 ln n⌋ of n numeric parameters'),
  pruned: z
    .boolean()
    .default(false)
    .describe('Let trials that were stopped early count with the last value they reported'),
})

function valueOf(trial: Trial, pruned: boolean): number | undefined {
  if (isComplete(trial)) return trial.values![0]
  const value = pruned && trial.state === 'pruned' ? lastReport(trial)?.value : undefined
  return Number.isNaN(value) ? undefined : value
}

/** Trials with a value and a number for every dimension. */
function evaluatedTrials({ study }: Ask, dimensions: readonly Dimension[], pruned: boolean): Evaluated[] {
  const sign = study.directions[0] === 'maximize' ? -1 : 1
  return study.trials.flatMap((trial) => {
    const value = valueOf(trial, pruned)
    const numbers = dimensions.map(({ name }) => trial.parameters[name])
    if (value === undefined || !numbers.every((number) => typeof number === 'number')) return []
    const point = Float64Array.from(numbers, (number, i) => toUnit(dimensions[i]!.distribution, number))
    return [{ trial, point, loss: sign * value }]
  })
}

export const cmaEsSampler = defineSampler({
  name: 'cma-es',
  summary:
    'Covariance matrix adaptation: a normal distribution that learns step and directions; numeric parameters only',
  source: 'https://arxiv.org/abs/1604.00772',
  config,
  create: ({ startupTrials, populationSize, pruned }, { space, directions }) => {
    if (directions.length !== 1)
      throw new MixlabError(
        `cma-es: the study has ${directions.length} objectives, it can have one; use the sampler nsga-ii or tpe`,
      )
    const dimensions = dimensionsOf(space)
    const n = dimensions.length
    const steps: Steps = []
    return {
      ask(ask) {
        const { rng, study } = ask
        const evaluated = evaluatedTrials(ask, dimensions, pruned)
        if (n === 0 || evaluated.length < startupTrials)
          return { parameters: drawActive(space, (parameter) => randomValue(parameter, rng)) }
        const strategy = strategyOf(n, populationSize ?? defaultPopulationSize(n))
        const start = initialState(new Float64Array(n).fill(0.5), 1 / 6)
        const { state, parents } = replay(start, strategy, study.trials, evaluated, steps)
        const point = sampleWithin(state, rng)
        const drawn = new Map(dimensions.map(({ name, distribution }, i) => [name, fromUnit(distribution, point[i]!)]))
        return {
          parameters: drawActive(space, (parameter) => drawn.get(parameter.name) ?? randomValue(parameter, rng)),
          attributes: {
            [generationAttribute]: state.generation,
            ...(parents !== undefined && { [parentsAttribute]: parents }),
          },
        }
      },
    }
  },
})
