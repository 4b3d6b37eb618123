// For objectives that are a mean over seeds or problem instances: a step is the seed or instance, not time, and a trial is
// stopped as soon as it is significantly worse than the best one on those that both have run.
import { bestTrial, defineStopper } from '@mixlab/studies'
import { z } from 'zod'
import { isBetter } from './intermediate.ts'
import { signedRankTest } from './signed-rank.ts'

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

export const wilcoxonStopper = defineStopper({
  name: 'wilcoxon',
  summary: 'Over seeds or instances: stops a trial that a signed-rank test finds worse than the best one',
  source: 'https://optuna.readthedocs.io/en/stable/reference/generated/optuna.pruners.WilcoxonPruner.html',
  config: z.object({
    pThreshold: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe('Stop below this p; the test is repeated at every report, so errors are more frequent than p'),
    startupSteps: z
      .int()
      .min(0)
      .default(2)
      .describe('Seeds or instances that both trials must have run; at least 2 are needed'),
  }),
  traits: { over: 'seeds' },
  create: ({ pThreshold, startupSteps }, { direction }) => ({
    judge: ({ trials }, trial) => {
      const best = bestTrial(trials, direction)
      if (!best) return { stop: false }
      const own = [...trial.intermediate.values()]
      const bests = [...best.intermediate.values()]
      if (bests.length === 0 || ![...own, ...bests].every(Number.isFinite)) return { stop: false }
      const differences = [...trial.intermediate].flatMap(([step, value]) =>
        best.intermediate.has(step) ? [value - best.intermediate.get(step)!] : [],
      )
      if (differences.length < Math.max(2, startupSteps)) return { stop: false }
      const worse = direction === 'minimize' ? differences : differences.map((difference) => -difference)
      // The objective of the best trial need not be the mean of its reports: nobody is stopped whose mean is as good.
      const better = isBetter(direction, mean(bests), mean(own))
      return { stop: better && signedRankTest(worse) < pThreshold }
    },
  }),
})
