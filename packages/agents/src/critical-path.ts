// How long a question takes where nothing waits for a free place: the longest chain of calls that had to wait for one
// another. From the calls' own durations and the graph alone, so that a replay gives the same numbers.
import type { CallOutcome } from './call.ts'
import type { QuestionResult, StepResult } from './result.ts'
import type { Step } from './topology.ts'

export interface TimedCall {
  readonly outcome: CallOutcome
  /** Ids of calls of the same step that it waited for. */
  readonly after: readonly string[]
}

/**
 * @param order steps, those that are seen first
 * @param calls by step, in the order in which they were made
 * @param output the step that gave the final answer; undefined where there is none: then the whole time
 */
export function criticalPath(
  order: readonly Step[],
  calls: ReadonlyMap<string, readonly TimedCall[]>,
  output: StepResult | undefined,
): QuestionResult['timing'] {
  const stepEnds = new Map<string, number>()
  const callStarts = new Map<string, number>()
  const callEnds = new Map<string, number>()
  for (const step of order) {
    const start = Math.max(0, ...step.from.map((id) => stepEnds.get(id)!))
    let end = start
    for (const { outcome, after } of calls.get(step.id) ?? []) {
      const begin = Math.max(start, ...after.map((id) => callEnds.get(id) ?? 0))
      callStarts.set(outcome.call.id, begin)
      callEnds.set(outcome.call.id, begin + outcome.timing.durationMs)
      end = Math.max(end, begin + outcome.timing.durationMs)
    }
    stepEnds.set(step.id, end)
  }
  if (output === undefined) return { criticalPathMs: Math.max(0, ...stepEnds.values()) }
  const criticalPathMs = stepEnds.get(output.id)!
  const source = [...calls.values()].flat().find(({ outcome }) => outcome.call.id === output.answers[0]?.call)?.outcome
  const firstTokenMs = source?.timing.firstTokenMs
  if (source === undefined || firstTokenMs === undefined) return { criticalPathMs }
  // What a step chooses among finished answers is there all at once, when the step is done.
  const streamed = source.call.step === output.id && (calls.get(output.id) ?? []).length === 1
  return { criticalPathMs, firstTokenMs: streamed ? callStarts.get(source.call.id)! + firstTokenMs : criticalPathMs }
}
