// The median rule of Vizier (Golovin et al. 2017, section 3.2.2) for any percentile: a trial's best value so far against
// what completed trials had reported at the same step.
import { percentileOf } from '@mixlab/statistics'
import { type Direction, defineStopper, type Stopper } from '@mixlab/studies'
import { z } from 'zod'
import { bestOf, isBetter, latestReport } from './intermediate.ts'
import { isJudged, type JudgedSteps, judgedStepsFields } from './judged-steps.ts'

export const percentileFields = {
  startupTrials: z.int().min(0).default(5).describe('Completed trials before which no trial is stopped'),
  ...judgedStepsFields,
  minimumTrials: z
    .int()
    .min(1)
    .default(1)
    .describe('Completed trials that must have reported at a step (NaN counts) for it to be judged'),
}

interface PercentileRule extends JudgedSteps {
  readonly percentile: number
  readonly startupTrials: number
  readonly minimumTrials: number
}

/** Stops a trial whose best value is worse than the percentile of completed trials' values, or that has reported NaN only. */
export const percentileRule = (rule: PercentileRule, direction: Direction): Stopper => ({
  judge: ({ trials }, trial) => {
    const completed = trials.filter(({ state }) => state === 'complete')
    const step = latestReport(trial)?.step
    if (completed.length === 0 || completed.length < rule.startupTrials) return { stop: false }
    if (step === undefined || !isJudged(rule, trial, step)) return { stop: false }
    const best = bestOf(direction, trial.intermediate.values())
    if (Number.isNaN(best)) return { stop: true }
    const others = completed.map(({ intermediate }) => intermediate.get(step)).filter((value) => value !== undefined)
    if (others.length < rule.minimumTrials) return { stop: false }
    const percentile = direction === 'minimize' ? rule.percentile : 100 - rule.percentile
    return { stop: isBetter(direction, percentileOf(others, percentile), best) }
  },
})

export const percentileStopper = defineStopper({
  name: 'percentile',
  summary: 'Stops a trial whose best value is outside the best percentile of completed trials at the same step',
  source: 'https://optuna.readthedocs.io/en/stable/reference/generated/optuna.pruners.PercentilePruner.html',
  config: z.object({
    percentile: z.number().min(0).max(100).describe('Which percentile must be reached: 25 keeps the best quarter'),
    ...percentileFields,
  }),
  create: (config, { direction }) => percentileRule(config, direction),
})
