// A fixed band, for runs that have gone astray: no other trial is looked at, and the direction does not matter.
import { defineStopper } from '@mixlab/studies'
import { z } from 'zod'
import { latestReport } from './intermediate.ts'
import { isJudged, judgedStepsFields } from './judged-steps.ts'

const bound = (what: string) => z.number().nullable().default(null).describe(`${what}; null: no such bound`)

export const thresholdStopper = defineStopper({
  name: 'threshold',
  summary: 'Stops a trial that reports NaN or a value outside fixed bounds',
  source: 'https://optuna.readthedocs.io/en/stable/reference/generated/optuna.pruners.ThresholdPruner.html',
  config: z
    .object({
      lower: bound('A trial that reports less is stopped'),
      upper: bound('A trial that reports more is stopped'),
      ...judgedStepsFields,
    })
    .refine(({ lower, upper }) => lower !== null || upper !== null, {
      message: 'neither lower nor upper is set; set at least one of them',
    })
    .refine(({ lower, upper }) => lower === null || upper === null || lower <= upper, {
      path: ['lower'],
      message: 'lower is above upper: every trial would be stopped',
    }),
  create: ({ lower, upper, ...steps }) => ({
    judge: (_study, trial) => {
      const report = latestReport(trial)
      if (!report || !isJudged(steps, trial, report.step)) return { stop: false }
      const within = report.value >= (lower ?? -Infinity) && report.value <= (upper ?? Infinity)
      return { stop: !within }
    },
  }),
})
