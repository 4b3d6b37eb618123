// Which steps are judged: none before a warm-up, then one in each interval, the first that is reported in it.
import type { Trial } from '@mixlab/studies'
import { z } from 'zod'

export const judgedStepsFields = {
  warmupSteps: z.int().min(0).default(0).describe('Steps before which no trial is stopped'),
  intervalSteps: z
    .int()
    .min(1)
    .default(1)
    .describe('Steps from one check to the next; a check that finds no report waits for the next one'),
}

export interface JudgedSteps {
  readonly warmupSteps: number
  readonly intervalSteps: number
}

/** Whether the trial's largest step, `step`, is the first one reported in its interval. */
export function isJudged({ warmupSteps, intervalSteps }: JudgedSteps, trial: Trial, step: number): boolean {
  if (step < warmupSteps) return false
  const start = Math.floor((step - warmupSteps) / intervalSteps) * intervalSteps + warmupSteps
  for (const other of trial.intermediate.keys()) if (other !== step && other >= start) return false
  return true
}
