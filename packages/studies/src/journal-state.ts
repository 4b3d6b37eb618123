// What a journal's lines amount to: the rules of Optuna's JournalStorageReplayResult, on plain records that are changed in
// place. A finished trial never changes again, so that its snapshot is the record's own data; of others it is a copy, made
// when somebody asks and kept until the next change.
import { MixlabError } from '@mixlab/core'
import type { Distribution, ParameterValue } from './distribution.ts'
import { areCompatible, distributionFromJson, externalValue } from './distribution-json.ts'
import { directionNames, OP, trialStates } from './journal-operations.ts'
import type { Direction, Trial, TrialState } from './trial.ts'

/** A line, parsed. Which fields there are depends on the operation. */
export interface JournalLine {
  readonly op_code: number
  readonly worker_id: string
  readonly study_id: number
  readonly trial_id: number
  readonly study_name: string
  readonly directions: readonly number[]
  readonly user_attr: Readonly<Record<string, unknown>>
  readonly system_attr: Readonly<Record<string, unknown>>
  readonly datetime_start?: string | null
  readonly datetime_complete?: string
  readonly state?: number
  readonly value?: number | null
  readonly values?: readonly number[] | null
  readonly distributions?: Readonly<Record<string, string>>
  readonly params?: Readonly<Record<string, number>>
  readonly user_attrs?: Record<string, unknown>
  readonly system_attrs?: Record<string, unknown>
  readonly intermediate_values?: Readonly<Record<string, number>>
  readonly param_name: string
  readonly param_value_internal: number
  readonly distribution: string
  readonly step: number
  readonly intermediate_value: number
}

export interface TrialRecord {
  /** Counts the trials of all studies of the file. */
  readonly id: number
  readonly number: number
  readonly study: StudyRecord
  state: TrialState
  readonly parameters: Record<string, ParameterValue>
  readonly distributions: Record<string, Distribution>
  values: readonly number[] | undefined
  readonly intermediate: Map<number, number>
  /** Whether `intermediate` is ascending by step. */
  ordered: boolean
  readonly userAttributes: Record<string, unknown>
  readonly systemAttributes: Record<string, unknown>
  startedAt: string | undefined
  finishedAt: string | undefined
  snapshot: Trial | undefined
}

export interface StudyRecord {
  readonly id: number
  readonly name: string
  readonly directions: readonly Direction[]
  readonly userAttributes: Record<string, unknown>
  readonly systemAttributes: Record<string, unknown>
  /** By number. */
  readonly trials: TrialRecord[]
  /** Of each parameter, the distribution in the first trial that has it: later ones must be compatible. */
  readonly references: Map<string, { readonly number: number; readonly distribution: Distribution }>
}

export interface JournalState {
  /** By id, without those that were deleted. */
  readonly studies: Map<number, StudyRecord>
  /** By id; those of deleted studies keep theirs. */
  readonly trials: TrialRecord[]
  nextStudy: number
}

export const emptyState = (): JournalState => ({ studies: new Map(), trials: [], nextStudy: 0 })

export const isUpdatable = ({ state }: TrialRecord): boolean => state === 'running' || state === 'waiting'

/**
 * Applies one line. What another writer was not allowed to do is skipped, as every reader of the file skips it.
 * @throws MixlabError on an operation that this version does not know
 */
export function applyLine(state: JournalState, line: JournalLine): void {
  switch (line.op_code) {
    case OP.createStudy:
      return createStudy(state, line)
    case OP.deleteStudy:
      state.studies.delete(line.study_id)
      return
    case OP.setStudyUserAttribute:
      Object.assign(state.studies.get(line.study_id)?.userAttributes ?? {}, line.user_attr)
      return
    case OP.setStudySystemAttribute:
      Object.assign(state.studies.get(line.study_id)?.systemAttributes ?? {}, line.system_attr)
      return
    case OP.createTrial:
      return createTrial(state, line)
    case OP.discardTrials:
      return
    case OP.setTrialParameter:
    case OP.setTrialState:
    case OP.setIntermediateValue:
    case OP.setTrialUserAttribute:
    case OP.setTrialSystemAttribute: {
      const trial = state.trials[line.trial_id]
      if (trial === undefined || !isUpdatable(trial)) return
      trial.snapshot = undefined
      return changeTrial(trial, line)
    }
    default:
      throw new MixlabError(
        `the journal has an operation ${line.op_code} that this version does not know: expected 0 … 10 (Optuna 5); read it with a later version`,
        { code: 'journal-version' },
      )
  }
}

function createStudy(state: JournalState, line: JournalLine): void {
  for (const { name } of state.studies.values()) if (name === line.study_name) return
  const id = state.nextStudy++
  state.studies.set(id, {
    id,
    name: line.study_name,
    directions: line.directions.map((direction) => directionNames[direction] ?? 'minimize'),
    userAttributes: {},
    systemAttributes: {},
    trials: [],
    references: new Map(),
  })
}

function createTrial(state: JournalState, line: JournalLine): void {
  const study = state.studies.get(line.study_id)
  if (study === undefined) return
  const trial: TrialRecord = {
    id: state.trials.length,
    number: study.trials.length,
    study,
    state: trialStates[line.state ?? 0]!,
    parameters: {},
    distributions: {},
    values: line.values ?? (typeof line.value === 'number' ? [line.value] : undefined),
    intermediate: new Map(),
    ordered: true,
    userAttributes: line.user_attrs ?? {},
    systemAttributes: line.system_attrs ?? {},
    startedAt: line.datetime_start ?? undefined,
    finishedAt: line.datetime_complete,
    snapshot: undefined,
  }
  state.trials.push(trial)
  study.trials.push(trial)
  for (const [name, json] of Object.entries(line.distributions ?? {}))
    trial.distributions[name] = distributionFromJson(json)
  for (const [name, internal] of Object.entries(line.params ?? {})) {
    const distribution = trial.distributions[name]!
    trial.parameters[name] = externalValue(distribution, internal)
    if (!study.references.has(name)) study.references.set(name, { number: trial.number, distribution })
  }
  for (const [step, value] of Object.entries(line.intermediate_values ?? {})) report(trial, Number(step), value)
}

function changeTrial(trial: TrialRecord, line: JournalLine): void {
  switch (line.op_code) {
    case OP.setTrialParameter:
      return setParameter(trial, line)
    case OP.setTrialState: {
      const next = trialStates[line.state!]!
      // Whoever claims a waiting trial first has it.
      if (next === 'running' && trial.state === 'running') return
      trial.state = next
      if (next === 'running') trial.startedAt = line.datetime_start ?? undefined
      else if (next !== 'waiting') trial.finishedAt = line.datetime_complete
      if (line.values) trial.values = line.values
      return
    }
    case OP.setIntermediateValue:
      return report(trial, line.step, line.intermediate_value)
    case OP.setTrialUserAttribute:
      Object.assign(trial.userAttributes, line.user_attr)
      return
    case OP.setTrialSystemAttribute:
      Object.assign(trial.systemAttributes, line.system_attr)
      return
  }
}

function setParameter(
  trial: TrialRecord,
  { param_name: name, param_value_internal: internal, distribution: json }: JournalLine,
) {
  const distribution = distributionFromJson(json)
  const { references } = trial.study
  const reference = references.get(name)
  if (reference && !areCompatible(reference.distribution, distribution)) return
  if (reference === undefined || reference.number >= trial.number)
    references.set(name, { number: trial.number, distribution })
  trial.distributions[name] = distribution
  trial.parameters[name] = externalValue(distribution, internal)
}

function report(trial: TrialRecord, step: number, value: number): void {
  const { intermediate } = trial
  // The last step of a Map is not at hand; steps nearly always count up from 0 or 1 without gaps.
  if (trial.ordered && intermediate.size > 0 && !intermediate.has(step - 1)) trial.ordered = false
  intermediate.set(step, value)
}

const copyIf = <T extends object>(changes: boolean, value: T): T => (changes ? { ...value } : value)

/** The trial as it is now; the same object until it changes. */
export function snapshotOf(trial: TrialRecord): Trial {
  if (trial.snapshot) return trial.snapshot
  const changes = isUpdatable(trial)
  const { intermediate, ordered, values, startedAt, finishedAt } = trial
  trial.snapshot = {
    number: trial.number,
    state: trial.state,
    parameters: copyIf(changes, trial.parameters),
    distributions: copyIf(changes, trial.distributions),
    ...(values !== undefined && { values }),
    intermediate: ordered
      ? changes
        ? new Map(intermediate)
        : intermediate
      : new Map([...intermediate].toSorted(([a], [b]) => a - b)),
    userAttributes: copyIf(changes, trial.userAttributes),
    systemAttributes: copyIf(changes, trial.systemAttributes),
    ...(startedAt !== undefined && { startedAt: Date.parse(startedAt) }),
    ...(finishedAt !== undefined && { finishedAt: Date.parse(finishedAt) }),
  }
  return trial.snapshot
}
