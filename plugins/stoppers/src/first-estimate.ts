// A number that is estimated once, from the trials that were complete then, and holds for the rest of the study. Optuna's
// pruners keep it in the process; here it is in a system attribute of the trial that was being judged, so that a process
// that joins later, or a study that is resumed, has the same rungs and brackets.
import type { StudyView, Trial } from '@mixlab/studies'
import { latestReport } from './intermediate.ts'

export interface Estimate {
  readonly value: number
  /** What to keep with the trial that is judged; empty where an earlier one has it. */
  readonly attributes: Readonly<Record<string, number>>
}

/**
 * @param from the estimate, given the largest step that a completed trial has reported
 * @returns undefined before there is a completed trial with a report
 */
export function firstEstimate(study: StudyView, key: string, from: (lastStep: number) => number): Estimate | undefined {
  const kept = study.trials.find(({ systemAttributes }) => key in systemAttributes)
  if (kept) return { value: Number(kept.systemAttributes[key]), attributes: {} }
  const lastSteps = study.trials.filter(({ state }) => state === 'complete').flatMap(lastStep)
  if (lastSteps.length === 0) return undefined
  const value = from(Math.max(...lastSteps))
  return { value, attributes: { [key]: value } }
}

const lastStep = (trial: Trial): number[] => {
  const report = latestReport(trial)
  return report ? [report.step] : []
}
