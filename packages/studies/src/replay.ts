// Replays recorded learning curves under a stopper: what it would have stopped, had it watched a sweep that is already done.
import type { StopDecision, Stopper } from './stopper.ts'
import type { Direction, Trial } from './trial.ts'

export interface RecordedTrial {
  /** [step, value] in the order in which they were reported. */
  readonly reports: readonly (readonly [step: number, value: number])[]
  /** The objective; absent: the trial fails after its last report. */
  readonly value?: number
}

export interface ReplayOptions {
  readonly direction: Direction
  /** How many trials run at once; the next one starts when one has ended. */
  readonly jobs: number
  /** Which of the `running` trials, by age, reports next. Default: they take turns. */
  readonly pick?: (running: number) => number
}

/** What became of each trial; a stopped one is `pruned`, its intermediate values are those that it still reported. */
export function replay(
  recorded: readonly RecordedTrial[],
  stopper: Stopper,
  { direction, jobs, pick }: ReplayOptions,
): readonly Trial[] {
  const trials: Trial[] = []
  const running: number[] = []
  const study = { directions: [direction], space: [], trials }
  let turn = -1
  const amend = (number: number, changes: Partial<Trial>): Trial =>
    (trials[number] = { ...trials[number]!, ...changes })

  const report = (number: number): StopDecision => {
    const { intermediate } = trials[number]!
    const [step, value] = recorded[number]!.reports[intermediate.size]!
    const ascending = new Map([...intermediate, [step, value] as const].toSorted(([a], [b]) => a - b))
    const decision = stopper.judge(study, amend(number, { intermediate: ascending }))
    if (decision.attributes) {
      const systemAttributes = { ...trials[number]!.systemAttributes, ...decision.attributes }
      amend(number, { systemAttributes })
    }
    return decision
  }

  for (;;) {
    while (running.length < jobs && trials.length < recorded.length) {
      running.push(trials.length)
      trials.push(started(trials.length))
    }
    if (running.length === 0) return trials
    turn = pick ? pick(running.length) : (turn + 1) % running.length
    const number = running[turn]!
    const { reports, value } = recorded[number]!
    const ended = (changes: Partial<Trial>): void => {
      amend(number, changes)
      running.splice(turn--, 1)
    }
    if (reports.length > 0 && report(number).stop) ended({ state: 'pruned' })
    else if (trials[number]!.intermediate.size === reports.length)
      ended(value === undefined ? { state: 'failed' } : { state: 'complete', values: [value] })
  }
}

const started = (number: number): Trial => ({
  number,
  state: 'running',
  parameters: {},
  distributions: {},
  intermediate: new Map(),
  userAttributes: {},
  systemAttributes: {},
})
