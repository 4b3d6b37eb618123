// Learning-rate schedules: a pure function of the iteration, so that a resumed run needs no state for them.
import { z } from 'zod'

export const scheduleConfig = z.strictObject({
  name: z
    .enum(['constant', 'linear', 'cosine'])
    .default('cosine')
    .describe('How the learning rate falls after the warm-up'),
  warmup: z.number().int().min(0).default(0).describe('Steps in which the learning rate rises linearly'),
  minimum: z.number().min(0).max(1).default(0.1).describe('What the rate falls to, as a fraction of learningRate'),
  decaySteps: z
    .number()
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe('The step at which the minimum is reached; null: the last one'),
})

export type Schedule = z.output<typeof scheduleConfig>

/**
 * The learning rate of a 0-based iteration, as nanoGPT's `get_lr`: lr·(i + 1)/(warmup + 1) while warming up, then
 * lr·(m + (1 − m)·c) with c from 1 to 0 along half a cosine (or a line), then lr·m.
 * https://github.com/karpathy/nanoGPT/blob/master/train.py
 */
export function learningRateAt(schedule: Schedule, peak: number, iteration: number, steps: number): number {
  const { name, warmup } = schedule
  if (iteration < warmup) return (peak * (iteration + 1)) / (warmup + 1)
  if (name === 'constant') return peak
  const minimum = schedule.minimum * peak
  const decaySteps = schedule.decaySteps ?? steps
  if (iteration >= decaySteps) return minimum
  const progress = (iteration - warmup) / (decaySteps - warmup)
  const coefficient = name === 'cosine' ? 0.5 * (1 + Math.cos(Math.PI * progress)) : 1 - progress
  return minimum + coefficient * (peak - minimum)
}
