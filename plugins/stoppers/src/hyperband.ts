// Hyperband (Li et al. 2018) as Optuna runs it: a trial is put into one of the brackets by a hash of the study's name and
// its number, with odds by the brackets' budgets, and is judged by successive halving among that bracket's trials.
import { crc32 } from 'node:zlib'
import { defineStopper } from '@mixlab/studies'
import { z } from 'zod'
import { halvingFields, judgeRungs } from './asha.ts'
import { firstEstimate } from './first-estimate.ts'
import { naturalLog } from './natural-log.ts'

/** How many trials each bracket gets, relative to each other; bracket s has its first rung at r·η^s steps. */
export function bracketBudgets(minimumResource: number, maximumResource: number, reductionFactor: number): number[] {
  const brackets = Math.floor(naturalLog(maximumResource / minimumResource) / naturalLog(reductionFactor)) + 1
  return Array.from({ length: Math.max(brackets, 0) }, (_, bracket) => {
    const s = brackets - 1 - bracket
    return Math.ceil((brackets * reductionFactor ** s) / (s + 1))
  })
}

/** The bracket of a trial: CRC-32 of `<study>_<number>`, modulo the budgets' sum. */
export function bracketOf(budgets: readonly number[], study: string, number: number): number {
  let rest = crc32(`${study}_${number}`) % budgets.reduce((sum, budget) => sum + budget, 0)
  return budgets.findIndex((budget) => (rest -= budget) < 0)
}

export const hyperbandStopper = defineStopper({
  name: 'hyperband',
  summary: 'Successive halving in several brackets, from many trials with early rungs to few with late ones',
  source: 'https://arxiv.org/abs/1603.06560',
  config: z
    .object({
      minimumResource: z.int().min(1).default(1).describe('Steps to the first rung of the most aggressive bracket'),
      maximumResource: z
        .union([z.literal('auto'), z.int().min(1)])
        .default('auto')
        .describe('Steps of a whole trial; "auto": of the first trial to complete, until which none is stopped'),
      ...halvingFields(3),
    })
    .refine(({ maximumResource, bootstrapCount }) => bootstrapCount === 0 || maximumResource !== 'auto', {
      path: ['bootstrapCount'],
      message: 'a bootstrapCount above 0 needs a maximumResource in steps, not "auto"',
    })
    .refine(
      ({ minimumResource, maximumResource }) => maximumResource === 'auto' || maximumResource >= minimumResource,
      {
        path: ['maximumResource'],
        message: 'maximumResource is below minimumResource: there would be no bracket',
      },
    ),
  create: ({ minimumResource, maximumResource, reductionFactor, bootstrapCount }, { direction, study: name }) => ({
    judge: (study, trial) => {
      const resource =
        maximumResource === 'auto'
          ? firstEstimate(study, 'hyperband:maximum_resource', (lastStep) => lastStep + 1)
          : { value: maximumResource, attributes: {} }
      if (!resource) return { stop: false }
      const budgets = bracketBudgets(minimumResource, resource.value, reductionFactor)
      if (budgets.length === 0) return { stop: false, attributes: resource.attributes }
      const bracket = bracketOf(budgets, name, trial.number)
      const trials = study.trials.filter(({ number }) => bracketOf(budgets, name, number) === bracket)
      const halving = { minimumResource, reductionFactor, bootstrapCount, earlyStoppingRate: bracket }
      const decision = judgeRungs(halving, direction, { ...study, trials }, trial)
      return { ...decision, attributes: { ...resource.attributes, ...decision.attributes } }
    },
  }),
})
