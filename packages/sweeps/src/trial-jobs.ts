// The processes of a sweep's trials, kept in step with the executor: started, taken up after a driver that died, settled when
// they have ended.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import type { RunContext } from '@mixlab/core'
import { type Executor, isFinished, type Job, type JobState, type Study, type Trial, TRIAL_EXIT } from '@mixlab/studies'
import type { PointSource } from './point-source.ts'
import { jobName, type SweepConfig } from './sweep-config.ts'
import { addFinalists, failTrial, finalists, sweepTrials } from './sweep-study.ts'

/** A trial whose process is ended from outside is started again, so often without having come further. */
const ATTEMPTS = 3

/** The jobs of the trials that run: trial number → job, kept in step with the executor. */
export class TrialJobs {
  readonly #run: RunContext<SweepConfig>
  readonly #study: Study
  readonly #executor: Executor
  readonly #command: readonly string[]
  readonly #active = new Map<string, number>()
  /** Trials of an earlier driver that have to be started again. */
  #pending: Trial[] = []
  readonly #attempts = new Map<number, { reported: number; count: number }>()

  constructor(run: RunContext<SweepConfig>, study: Study, executor: Executor, command: readonly string[]) {
    this.#run = run
    this.#study = study
    this.#executor = executor
    this.#command = command
  }

  get active(): number {
    return this.#active.size
  }

  get slots(): number {
    return this.#executor.slots
  }

  /** Takes up the trials that an earlier driver started: those that still run, and those that have to be started again. */
  async takeUp(): Promise<void> {
    for (const trial of [...sweepTrials(this.#study), ...finalists(this.#study)]) {
      if (isFinished(trial)) continue
      const id = trial.systemAttributes['mixlab:job']
      const job = this.#jobOf(trial)
      if (typeof id === 'string' && (await this.#executor.adopt(job, id))) this.#active.set(job.name, trial.number)
      else this.#pending.push(trial)
    }
  }

  /** Once every trial has ended: the best ones are to be run with the other seeds. @returns whether there are any left */
  async callFinalists(): Promise<boolean> {
    this.#pending.push(...(await addFinalists(this.#study, this.#run.config)))
    return this.#pending.length > 0
  }

  /** Starts new trials while there are slots and points; together, so that a cluster gets one array of them. */
  async fill(points: PointSource): Promise<void> {
    const trials: Trial[] = []
    while (this.#active.size + trials.length < this.#executor.slots && !this.#run.signal.aborted) {
      const trial = this.#pending.shift() ?? (await points.next())
      if (!trial) break
      trials.push(trial)
    }
    await Promise.all(trials.map((trial) => this.#start(trial)))
  }

  /** Waits for something to happen, and settles the trials whose jobs have ended. */
  async wait(waitMs: number, signal: AbortSignal): Promise<void> {
    const states = await this.#executor.poll(waitMs, signal)
    const ended = [...this.#active].flatMap(([name, number]) => {
      const state = states.get(name)
      return state?.state === 'ended' ? [{ name, number, state }] : []
    })
    // Together, and before any is started again.
    for (const { name } of ended) this.#active.delete(name)
    for (const { number, state } of ended) await this.#settle(number, state)
  }

  async cancel(graceMs: number): Promise<void> {
    if (this.#active.size > 0) await this.#executor.cancel([...this.#active.keys()], graceMs)
  }

  async #start(trial: Trial): Promise<void> {
    const job = this.#jobOf(trial)
    const id = await this.#executor.submit(job)
    await this.#study.trial(trial.number).setSystemAttributes({ 'mixlab:job': id })
    this.#active.set(job.name, trial.number)
  }

  async #settle(number: number, state: Extract<JobState, { state: 'ended' }>): Promise<void> {
    const trial = this.#study.trial(number).snapshot
    if (isFinished(trial)) return
    const reported = trial.intermediate.size
    const before = this.#attempts.get(number)
    const count = before?.reported === reported ? before.count + 1 : 1
    this.#attempts.set(number, { reported, count })
    const fromOutside = state.code === TRIAL_EXIT.interrupted || state.code === null
    if (fromOutside && count < ATTEMPTS) return this.#start(trial)
    const message =
      state.reason ?? (state.code === null ? 'its process is gone' : `its process ended with ${state.code}`)
    const last = lastLine(this.#jobOf(trial).log)
    const said = last === '' ? '' : `: ${last}`
    await failTrial(this.#study, number, {
      code: 'died',
      message: `${message}${said}; see logs/${jobName(number)}.log`,
    })
  }

  #jobOf(trial: Trial): Job {
    const { directory } = this.#run
    const name = jobName(trial.number)
    return {
      name,
      command: [...this.#command, directory.path, String(trial.number)],
      folder: process.cwd(),
      environment: {},
      log: join(directory.path, 'logs', `${name}.log`),
    }
  }
}

/** The last thing that a trial's process said, without the time. */
function lastLine(log: string): string {
  try {
    const line = readFileSync(log, 'utf8').trimEnd().split('\n').at(-1) ?? ''
    return stripVTControlCharacters(line)
      .replace(/^\d{4}-\d\d-\d\dT\S+ /, '')
      .slice(0, 200)
  } catch {
    return ''
  }
}
