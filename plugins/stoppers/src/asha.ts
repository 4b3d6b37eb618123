// Asynchronous successive halving (Li et al. 2020, algorithm 2) as Optuna runs it: nothing is paused, so a trial that is
// not among the best 1/η of those that have reached its rung by then is stopped for good. Rungs are in system attributes
// under Optuna's names: both count each other's trials.
import { type Direction, defineStopper, type StopDecision, type StudyView, type Trial } from '@mixlab/studies'
import { z } from 'zod'
import { firstEstimate } from './first-estimate.ts'
import { isBetter, latestReport } from './intermediate.ts'

export const halvingFields = (reductionFactor: number) => ({
  reductionFactor: z.int().min(2).default(reductionFactor).describe('η: one trial in so many passes a rung'),
  bootstrapCount: z
    .int()
    .min(0)
    .default(0)
    .describe('Trials that must reach a rung before one may pass it; needs a resource that is not "auto"'),
})

export interface Halving {
  /** r: the steps of the first rung, where `earlyStoppingRate` is 0. */
  readonly minimumResource: number
  /** η. */
  readonly reductionFactor: number
  /** s: rung n is at r·η^(s + n) steps. */
  readonly earlyStoppingRate: number
  readonly bootstrapCount: number
}

/** Judges a trial at each rung that its largest step has reached since it was judged last. */
export function judgeRungs(halving: Halving, direction: Direction, { trials }: StudyView, trial: Trial): StopDecision {
  const report = latestReport(trial)
  if (!report) return { stop: false }
  const { step, value } = report
  const attributes: Record<string, number> = {}
  let rung = 0
  while (rungKey(rung) in trial.systemAttributes) rung++
  for (; ; rung++) {
    const rungStep = halving.minimumResource * halving.reductionFactor ** (halving.earlyStoppingRate + rung)
    if (step < rungStep) return { stop: false, attributes }
    if (Number.isNaN(value)) return { stop: true, attributes }
    const key = rungKey(rung)
    attributes[key] = value
    const others = trials.filter(({ number, systemAttributes }) => number !== trial.number && key in systemAttributes)
    const competing = others.length + 1
    if (competing <= halving.bootstrapCount) return { stop: true, attributes }
    // Among the first η − 1 to reach a rung the best passes.
    const passing = Math.max(Math.floor(competing / halving.reductionFactor), 1)
    const better = others.filter(({ systemAttributes }) => isBetter(direction, Number(systemAttributes[key]), value))
    if (better.length >= passing) return { stop: true, attributes }
  }
}

const rungKey = (rung: number): string => `completed_rung_${rung}`

export const ashaStopper = defineStopper({
  name: 'asha',
  summary: 'Asynchronous successive halving: at rungs η times as far apart, the best 1/η of the trials pass',
  source: 'https://arxiv.org/abs/1810.05934',
  config: z
    .object({
      minimumResource: z
        .union([z.literal('auto'), z.int().min(1)])
        .default('auto')
        .describe('Steps to the first rung; "auto": a hundredth of the steps of the first trial to complete'),
      ...halvingFields(4),
      minimumEarlyStoppingRate: z
        .int()
        .min(0)
        .default(0)
        .describe('s: the first rung is at minimumResource · η^s steps'),
    })
    .refine(({ minimumResource, bootstrapCount }) => bootstrapCount === 0 || minimumResource !== 'auto', {
      path: ['bootstrapCount'],
      message: 'a bootstrapCount above 0 needs a minimumResource in steps, not "auto"',
    }),
  create: ({ minimumResource, minimumEarlyStoppingRate, ...rest }, { direction }) => ({
    judge: (study, trial) => {
      const resource =
        minimumResource === 'auto'
          ? firstEstimate(study, 'asha:minimum_resource', (lastStep) => Math.max(Math.floor(lastStep / 100), 1))
          : { value: minimumResource, attributes: {} }
      if (!resource) return { stop: false }
      const halving = { ...rest, minimumResource: resource.value, earlyStoppingRate: minimumEarlyStoppingRate }
      const decision = judgeRungs(halving, direction, study, trial)
      return { ...decision, attributes: { ...resource.attributes, ...decision.attributes } }
    },
  }),
})
