// Ask and tell on a journal that any number of processes, ours and Optuna's, read and write at once. A trial is made with
// its parameters in one line: its number is settled under the lock; its point is computed before, so that nobody waits for
// a sampler, and computed again where another process was quicker.
import { MixlabError } from '@mixlab/core'
import { creation, type Draft, draftTrial, isNext, takeDraft } from './draft.ts'
import type { Operation } from './journal-operations.ts'
import { snapshotOf, type StudyRecord, type TrialRecord } from './journal-state.ts'
import type { JournalStore } from './journal-store.ts'
import { bestTrial, paretoFront } from './pareto.ts'
import { checkFixed } from './point.ts'
import type { Sampler, StudyView } from './sampler.ts'
import type { Parameters, Space } from './space.ts'
import { metadataOperations } from './study-metadata.ts'
import { attributeOperations, requireUnfinished, type StudyTrial, studyTrial } from './study-trial.ts'
import type { Direction, Trial } from './trial.ts'

/** How many points are computed without the lock before one is computed under it. */
const optimisticAsks = 3

export interface TellOptions {
  /** System attributes that are written together with the outcome. */
  readonly attributes?: Readonly<Record<string, unknown>>
}

export interface StudySettings {
  readonly seed: number
  readonly space: Space | undefined
  readonly sampler: Sampler | undefined
}

export class Study implements StudyView {
  readonly #store: JournalStore
  readonly #record: StudyRecord
  readonly #settings: StudySettings
  #trials: readonly Trial[] = []
  #version = -1

  /** Use `openStudy` or `createStudy`. */
  constructor(store: JournalStore, record: StudyRecord, settings: StudySettings) {
    this.#store = store
    this.#record = record
    this.#settings = settings
  }

  get name(): string {
    return this.#record.name
  }

  get path(): string {
    return this.#store.path
  }

  get seed(): number {
    return this.#settings.seed
  }

  get directions(): readonly Direction[] {
    return this.#record.directions
  }

  /** Empty where it is not known: a study that was begun in Python and opened without one. */
  get space(): Space {
    return this.#settings.space ?? []
  }

  /** All trials by number as the file has them now, unchanging snapshots; the same array until something changes. */
  get trials(): readonly Trial[] {
    this.#store.refresh()
    if (this.#version !== this.#store.version) {
      this.#trials = this.#record.trials.map(snapshotOf)
      this.#version = this.#store.version
    }
    return this.#trials
  }

  get userAttributes(): Readonly<Record<string, unknown>> {
    this.#store.refresh()
    return { ...this.#record.userAttributes }
  }

  get systemAttributes(): Readonly<Record<string, unknown>> {
    this.#store.refresh()
    return { ...this.#record.systemAttributes }
  }

  /**
   * The best complete trial; undefined while there is none.
   * @throws MixlabError when there are several objectives
   */
  get best(): Trial | undefined {
    const [direction, ...others] = this.directions
    if (others.length === 0) return bestTrial(this.trials, direction!)
    throw new MixlabError(
      `study ${this.name} has ${others.length + 1} objectives and no single best trial: use its Pareto front`,
    )
  }

  /** The complete trials that none beats in every objective, by number. */
  get paretoFront(): readonly Trial[] {
    return paretoFront(this.trials, this.directions)
  }

  setUserAttribute(key: string, value: unknown): Promise<void> {
    return this.#setAttribute(key, value, false)
  }

  setSystemAttribute(key: string, value: unknown): Promise<void> {
    return this.#setAttribute(key, value, true)
  }

  #setAttribute(key: string, value: unknown, system: boolean): Promise<void> {
    const operations: Operation[] = [{ op: 'setStudyAttribute', study: this.#record.id, key, value, system }]
    return this.#store.transact(() => ({ operations, result: undefined }))
  }

  /**
   * Adds a trial that waits to be asked for before anything is sampled. Parameters that are not given are the sampler's.
   * @returns its number
   * @throws MixlabError when the space is known and a parameter is unknown or outside its distribution
   */
  async enqueue(parameters: Parameters, userAttributes: Readonly<Record<string, unknown>> = {}): Promise<number> {
    if (this.#settings.space) checkFixed(this.space, parameters)
    return this.#store.transact(() => ({
      operations: [creation(this.#record, 'waiting', [], {}, userAttributes, { fixed_params: parameters })],
      result: this.#record.trials.length,
    }))
  }

  /**
   * Makes a trial of a point, running from now on, whatever a sampler would say.
   * @throws MixlabError when the space is known and a parameter is unknown or outside its distribution
   */
  async add(parameters: Parameters, systemAttributes: Readonly<Record<string, unknown>> = {}): Promise<StudyTrial> {
    if (this.#settings.space) checkFixed(this.space, parameters)
    const number = await this.#store.transact(() => ({
      operations: [creation(this.#record, 'running', this.space, parameters, {}, systemAttributes)],
      result: this.#record.trials.length,
    }))
    return this.trial(number)
  }

  /**
   * The next trial, running from now on: one that was enqueued, else one that the sampler makes. An enqueued one whose values
   * cannot be kept (by Optuna, which does not look) becomes a failed trial.
   * @returns undefined when the sampler has no more points
   * @throws MixlabError without a space or a sampler
   */
  async ask(): Promise<StudyTrial | undefined> {
    for (let asks = 0; ; asks++) {
      const underLock = asks >= optimisticAsks
      const ahead = underLock ? undefined : this.#draft()
      if (ahead === undefined && !underLock) return undefined
      // oxlint-disable-next-line no-await-in-loop
      const outcome = await this.#store.transact<Draft | 'late' | 'none'>(() => {
        if (ahead && !isNext(this.#record, ahead)) return { operations: [], result: 'late' }
        const draft = ahead ?? this.#draft()
        if (draft === undefined) return { operations: [], result: 'none' }
        const { id, systemAttributes } = this.#record
        const metadata = metadataOperations(id, this.#settings, systemAttributes)
        return { operations: [...metadata, ...takeDraft(this.#record, this.space, draft)], result: draft }
      })
      if (outcome === 'none') return undefined
      if (outcome !== 'late' && outcome.refused === undefined) return this.trial(outcome.number)
    }
  }

  #draft(): Draft | undefined {
    const { space, sampler, seed } = this.#settings
    if (space && sampler) {
      this.#store.refresh()
      return draftTrial(this, this.#record, sampler, seed)
    }
    throw new MixlabError(
      `study ${this.name} was opened without a ${space ? 'sampler' : 'space'}: give one to ask for trials`,
    )
  }

  /** @throws MixlabError when there is no trial of that number */
  trial(number: number): StudyTrial {
    return studyTrial(this.#store, this, this.#recordOf(number))
  }

  /**
   * Ends a trial: with its value or values, or as pruned (with the last value that it reported), or as failed.
   * @throws MixlabError when it is not running, or a value is NaN, or there are not as many as objectives
   */
  async tell(
    number: number,
    outcome: number | readonly number[] | 'pruned' | 'failed',
    { attributes = {} }: TellOptions = {},
  ): Promise<Trial> {
    const record = this.#recordOf(number)
    const state = typeof outcome === 'string' ? outcome : 'complete'
    await this.#store.transact(() => {
      requireUnfinished(this.#record, record)
      if (record.state === 'waiting')
        throw new MixlabError(`trial ${number} of study ${this.name} is waiting, not running: ask for it first`)
      const values = typeof outcome === 'string' ? this.#lastReported(record, outcome) : this.#checked(number, outcome)
      const ending: Operation = { op: 'setState', trial: record.id, state, values, at: Date.now() }
      return { operations: [...attributeOperations(record.id, attributes, true), ending], result: undefined }
    })
    const trial = snapshotOf(record)
    this.#settings.sampler?.tell?.(this, trial)
    return trial
  }

  #lastReported(record: TrialRecord, outcome: 'pruned' | 'failed'): readonly number[] | null {
    const last = [...snapshotOf(record).intermediate.values()].at(-1)
    const none = outcome === 'failed' || last === undefined || Number.isNaN(last) || this.directions.length > 1
    return none ? null : [last]
  }

  #checked(number: number, outcome: number | readonly number[]): readonly number[] {
    const values = typeof outcome === 'number' ? [outcome] : outcome
    const expected = this.directions.length
    if (values.length !== expected)
      throw new MixlabError(
        `trial ${number} was told ${values.length} values, expected ${expected}: one for each objective`,
      )
    if (values.every((value) => !Number.isNaN(value))) return values
    throw new MixlabError(
      `trial ${number} was told NaN, expected a number; tell 'failed' of a trial that has no value`,
      {
        code: 'nan-objective',
      },
    )
  }

  #recordOf(number: number): TrialRecord {
    const { trials } = this.#record
    if (trials[number] === undefined) this.#store.refresh()
    const record = trials[number]
    if (record) return record
    throw new MixlabError(`study ${this.name} has no trial ${number}; it has ${trials.length}, counted from 0`)
  }
}
