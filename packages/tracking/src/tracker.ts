// The contract of trackers. A tracker is handed what a run's log says, in order, by a process that is not the run's: it
// may take its time, fail, or be killed. What it must bring is idempotence, for which it is told how sure it can be that
// nothing of what it is handed has arrived before.
import { MixlabError, pluginHelper, type RunEvent, type RunFile } from '@mixlab/core'

/** A run as a tracker sees it. */
export interface TrackedRun {
  /** `run.json`, as it was just before the call. */
  readonly file: RunFile
  /** The run directory, absolute. */
  readonly directory: string
  /** Tells this run from every other one anywhere: 32 hexadecimal digits. */
  readonly key: string
  readonly parent?: TrackedRun
  /** The tracker's own plain data about the run (a remote id, …), kept with the cursor once the call has succeeded. */
  readonly state: Record<string, unknown>
  /** Milliseconds since 1970 of the last event that was handed over. */
  readonly lastTime: number
  /** The log from its beginning. */
  events(): AsyncIterable<RunEvent>
}

/**
 * - `continues`: the events follow those of the last call, which succeeded;
 * - `uncertain`: they follow what is known to have arrived, but they or a part of them may have arrived, too (the last
 *   call failed, or its process died);
 * - `restarts`: they begin the log; whatever has arrived before is a log that they replace (the run was resumed at an
 *   earlier step, or nothing is known of an earlier delivery).
 */
export type Continuity = 'continues' | 'uncertain' | 'restarts'

export interface DeliveryOptions {
  /** Aborted when there is no time left. */
  readonly signal: AbortSignal
}

export interface Tracker {
  /** Where it delivers to, without secrets. What is known to have arrived holds for one target. */
  readonly target: string
  /**
   * Called once, before there is a run.
   * @throws MixlabError when the configuration is certainly wrong (a password that is refused); what may get better (a
   * server that does not answer) is no error.
   */
  check?(options: DeliveryOptions): Promise<void>
  /** Delivers events. What it throws is reported; the same events come again later, `uncertain`. */
  write(
    run: TrackedRun,
    events: readonly RunEvent[],
    options: DeliveryOptions & { readonly continuity: Continuity },
  ): Promise<void>
  /** Called when the run has ended and all its events have been written; again if it has gone on since, or its files may have changed. */
  end?(run: TrackedRun, options: DeliveryOptions): Promise<void>
  /** Called once, after everything else. */
  close?(): Promise<void>
}

declare module '@mixlab/core' {
  interface PluginKinds {
    /** A factory that has much to load may promise its tracker. */
    tracker: { instance: Tracker | Promise<Tracker>; context: object }
  }
}

/** Defines a tracker. Its factory runs in a process of its own: it gets its configuration, and no service of the run. */
export const defineTracker = pluginHelper('tracker')

export type TrackerPlugin = ReturnType<typeof defineTracker>

const START_OVER = 'tracker-start-over'

/** What a tracker throws to be handed the log from its beginning (`restarts`), e.g. because the server has lost the run. */
export const startOver = (message: string): MixlabError => new MixlabError(message, { code: START_OVER })

export const asksToStartOver = (error: unknown): boolean => MixlabError.is(error) && error.code === START_OVER
