// A trial in the hands of whoever runs it.
import { MixlabError } from '@mixlab/core'
import type { JournalStore } from './journal-store.ts'
import type { Operation } from './journal-operations.ts'
import { snapshotOf, type StudyRecord, type TrialRecord } from './journal-state.ts'
import type { StudyView } from './sampler.ts'
import type { Parameters } from './space.ts'
import type { Stopper } from './stopper.ts'
import type { Trial } from './trial.ts'

export interface StudyTrial {
  readonly number: number
  readonly parameters: Parameters
  /** The trial as its file has it now. */
  readonly snapshot: Trial
  /**
   * Notes the objective at `step`, a whole number; a step that is reported again is replaced. NaN is legal.
   * @throws MixlabError when the trial has finished
   */
  report(value: number, step: number): Promise<void>
  /** Asks the stopper about what was reported last and keeps what it wants to remember. */
  shouldStop(stopper: Stopper): Promise<boolean>
  setUserAttribute(key: string, value: unknown): Promise<void>
  setSystemAttributes(attributes: Readonly<Record<string, unknown>>): Promise<void>
}

/** @throws MixlabError when the trial has finished: nobody can change it any more */
export function requireUnfinished(study: StudyRecord, { number, state }: TrialRecord): void {
  if (state !== 'running' && state !== 'waiting')
    throw new MixlabError(
      `trial ${number} of study ${study.name} has ended already (${state}) and cannot be changed; ask for another`,
      { code: 'trial-finished' },
    )
}

export const attributeOperations = (
  trial: number,
  attributes: Readonly<Record<string, unknown>>,
  system: boolean,
): Operation[] => Object.entries(attributes).map(([key, value]) => ({ op: 'setAttribute', trial, key, value, system }))

export function studyTrial(store: JournalStore, view: StudyView, record: TrialRecord): StudyTrial {
  const change = (operations: readonly Operation[]): Promise<void> =>
    store.transact(() => {
      requireUnfinished(record.study, record)
      return { operations, result: undefined }
    })
  const snapshot = () => {
    store.refresh()
    return snapshotOf(record)
  }
  const setSystemAttributes = async (attributes: Readonly<Record<string, unknown>>): Promise<void> => {
    if (Object.keys(attributes).length > 0) await change(attributeOperations(record.id, attributes, true))
  }
  return {
    number: record.number,
    parameters: snapshot().parameters,
    get snapshot() {
      return snapshot()
    },
    async report(value, step) {
      if (!Number.isSafeInteger(step))
        throw new MixlabError(`report: the step is ${step}, expected a whole number, e.g. the training step`)
      await change([{ op: 'report', trial: record.id, step, value }])
    },
    async shouldStop(stopper) {
      const { stop, attributes = {} } = stopper.judge(view, snapshot())
      await setSystemAttributes(attributes)
      return stop
    },
    setUserAttribute: (key, value) => change(attributeOperations(record.id, { [key]: value }, false)),
    setSystemAttributes,
  }
}
