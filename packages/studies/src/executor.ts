// The contract of executors: where the processes of a sweep's trials run. An executor starts commands, says how they fare,
// and cancels them; it knows nothing of what they compute. All processes see the sweep's directory.
import { pluginHelper } from '@mixlab/core'

/** One trial to be run: a process that reads and writes the sweep's directory. */
export interface Job {
  /** Unique in the sweep and stable over its resumptions: `trial-0007`. */
  readonly name: string
  /** The program and its arguments; it is started in `folder`. */
  readonly command: readonly string[]
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
  /** Where its output goes: a file, made anew or appended to. */
  readonly log: string
}

export type JobState =
  | { readonly state: 'pending' }
  | { readonly state: 'running' }
  /** `code`: the exit code; null where the system does not tell. `reason`: for people, e.g. "out of memory (SIGKILL)". */
  | { readonly state: 'ended'; readonly code: number | null; readonly reason?: string }

export interface Executor extends AsyncDisposable {
  /** How many jobs may be submitted and not yet ended. */
  readonly slots: number
  /**
   * Starts a job, or takes up one that an earlier driver of this sweep started and that still runs.
   * @returns the executor's own id of it, kept for `adopt`
   */
  submit(job: Job): Promise<string>
  /** Takes up a job of an earlier driver by its id. @returns false when it is gone: submit it again. */
  adopt(job: Job, id: string): Promise<boolean>
  /** The states of all jobs submitted or adopted. Resolves when any has changed since the last call, or after `waitMs`. */
  poll(waitMs: number, signal?: AbortSignal): Promise<ReadonlyMap<string, JobState>>
  /** Asks jobs to save their state and end (SIGTERM); kills what does not obey within `graceMs`. */
  cancel(names: readonly string[], graceMs: number): Promise<void>
}

/** Exit codes of a trial's process beside 0: it ended as the study's file says. */
export const TRIAL_EXIT = {
  /** Something is wrong; the study's file says what where it could be written. */
  failed: 2,
  /** Asked to end; its state is saved, the trial goes on when its job is submitted again. */
  interrupted: 130,
  /** Out of time (SIGUSR2): its state is saved; the executor runs it again by itself. */
  requeue: 85,
} as const

declare module '@mixlab/core' {
  interface PluginKinds {
    executor: { instance: Executor; context: ExecutorContext }
  }
}

export interface ExecutorContext {
  /** The sweep's directory; an executor keeps what it must remember in `executor/` below it. */
  readonly directory: string
  /** What the driver was asked for: trials at once; undefined leaves it to the executor. */
  readonly jobs?: number
  readonly warn: (message: string) => void
}

export const defineExecutor = pluginHelper('executor')
