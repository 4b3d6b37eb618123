// Early stopping of a trial by its own reports. Around another stopper it holds that one back while the trial improves.
import { pluginReference } from '@mixlab/core'
import { defineStopper } from '@mixlab/studies'
import { z } from 'zod'
import { bestOf, isBetter } from './intermediate.ts'

export const patienceStopper = defineStopper({
  name: 'patience',
  summary: 'Stops a trial that has not improved for a number of reports, or lets another stopper judge it then',
  source: 'https://optuna.readthedocs.io/en/stable/reference/generated/optuna.pruners.PatientPruner.html',
  config: z.object({
    patience: z.int().min(0).describe('Reports in a row that may fail to improve'),
    minimumDelta: z
      .number()
      .min(0)
      .default(0)
      .describe('How much worse than before the best of the last reports must be; 0: not as good'),
    stopper: pluginReference
      .nullable()
      .default(null)
      .describe('A stopper that judges once patience has run out, by name or { name, …its fields }; null: stop then'),
  }),
  create: ({ patience, minimumDelta, stopper }, context) => {
    const { direction, plugins } = context
    const inner = stopper === null ? undefined : plugins.create('stopper', stopper, context)
    return {
      judge: (study, trial) => {
        const values = [...trial.intermediate].toSorted(([a], [b]) => a - b).map(([, value]) => value)
        // NaN, which nothing is better than, until there are more reports than may fail to improve.
        const before = bestOf(direction, values.slice(0, -patience - 1))
        const since = bestOf(direction, values.slice(-patience - 1))
        const tolerated = direction === 'minimize' ? before + minimumDelta : before - minimumDelta
        if (!isBetter(direction, tolerated, since)) return { stop: false }
        return inner ? inner.judge(study, trial) : { stop: true }
      },
    }
  },
})
