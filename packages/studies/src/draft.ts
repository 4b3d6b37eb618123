// What the next trial would be: the waiting one whose turn it is, or a new one with the sampler's point. A draft is a
// function of the study and the trial's number alone, so that it can be thrown away and made again when another process was
// quicker; and it becomes a trial as one append.
import { RandomStream } from '@mixlab/core'
import type { Operation } from './journal-operations.ts'
import type { StudyRecord, TrialRecord } from './journal-state.ts'
import { completePoint, isStorable } from './point.ts'
import type { Sampler, StudyView } from './sampler.ts'
import type { Parameters, Space } from './space.ts'
import { attributeOperations } from './study-trial.ts'

type Attributes = Readonly<Record<string, unknown>>

export interface Draft {
  readonly number: number
  readonly waiting?: TrialRecord
  readonly parameters: Parameters
  readonly attributes: Attributes
  /** Why the waiting trial cannot be run. */
  readonly refused?: string
}

const firstWaiting = (record: StudyRecord): TrialRecord | undefined =>
  record.trials.find(({ state }) => state === 'waiting')

/**
 * @returns undefined when the sampler has no more points
 * @throws MixlabError when the sampler's point is not one of the space
 */
export function draftTrial(study: StudyView, record: StudyRecord, sampler: Sampler, seed: number): Draft | undefined {
  const { space } = study
  const waiting = firstWaiting(record)
  const number = waiting?.number ?? record.trials.length
  const fixed = (waiting?.systemAttributes['fixed_params'] ?? {}) as Parameters
  const wrong = space.find(
    ({ name, distribution }) => Object.hasOwn(fixed, name) && !isStorable(distribution, fixed[name]),
  )
  if (waiting && wrong) {
    const refused = `it was enqueued with ${wrong.name} = ${JSON.stringify(fixed[wrong.name])}, which is not one of its values`
    return { number, waiting, parameters: {}, attributes: {}, refused }
  }
  const rng = new RandomStream(seed).stream('study').at(number)
  const isWholePoint = space.every(({ name }) => Object.hasOwn(fixed, name))
  const sample = isWholePoint && waiting ? undefined : sampler.ask({ study, number, rng })
  if (sample === undefined && waiting === undefined) return undefined
  return {
    number,
    ...(waiting && { waiting }),
    parameters: completePoint(space, fixed, sample?.parameters ?? {}, rng.stream('free')),
    attributes: sample?.attributes ?? {},
  }
}

/** Whether a draft, made before the lock was had, is still what comes next. */
export function isNext(record: StudyRecord, { number, waiting }: Draft): boolean {
  const first = firstWaiting(record)
  return waiting ? waiting === first : first === undefined && number === record.trials.length
}

const activeOf = (space: Space, parameters: Parameters): Space =>
  space.filter(({ name }) => Object.hasOwn(parameters, name))

/** The operations that make a draft a running trial; a refused one a failed trial. */
export function takeDraft(record: StudyRecord, space: Space, draft: Draft): Operation[] {
  const { waiting, parameters, attributes, refused } = draft
  if (waiting === undefined) return [creation(record, 'running', space, parameters, {}, attributes)]
  const { id } = waiting
  const claim: Operation = { op: 'setState', trial: id, state: 'running', values: null, at: Date.now() }
  if (refused !== undefined)
    return [
      claim,
      ...attributeOperations(id, { 'mixlab:reason': refused }, true),
      { op: 'setState', trial: id, state: 'failed', values: null, at: Date.now() },
    ]
  const settings = activeOf(space, parameters).map(({ name, distribution }): Operation => ({
    op: 'setParameter',
    trial: id,
    name,
    value: parameters[name]!,
    distribution,
  }))
  return [claim, ...settings, ...attributeOperations(id, attributes, true)]
}

export const creation = (
  record: StudyRecord,
  state: 'running' | 'waiting',
  space: Space,
  parameters: Parameters,
  userAttributes: Attributes,
  systemAttributes: Attributes,
): Operation => ({
  op: 'createTrial',
  study: record.id,
  state,
  startedAt: state === 'running' ? Date.now() : null,
  parameters,
  distributions: Object.fromEntries(activeOf(space, parameters).map(({ name, distribution }) => [name, distribution])),
  userAttributes,
  systemAttributes,
})
