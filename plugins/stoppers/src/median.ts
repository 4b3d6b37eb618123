// The percentile rule at 50.
import { defineStopper } from '@mixlab/studies'
import { z } from 'zod'
import { percentileFields, percentileRule } from './percentile.ts'

export const medianStopper = defineStopper({
  name: 'median',
  summary: 'Stops a trial whose best value is worse than the median of completed trials at the same step',
  source: 'https://doi.org/10.1145/3097983.3098043',
  config: z.object(percentileFields),
  create: (config, { direction }) => percentileRule({ ...config, percentile: 50 }, direction),
})
