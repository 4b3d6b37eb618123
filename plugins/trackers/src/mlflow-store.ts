// What a delivery to MLflow needs of the place where runs are kept: a server, or a folder in the layout of its file store.
import type { Point } from '@mixlab/tracking'

export type MlflowStatus = 'RUNNING' | 'FINISHED' | 'FAILED' | 'KILLED'

export interface MlflowDataset {
  readonly name: string
  readonly digest: string
  readonly sourceType: string
  readonly source: string
  readonly profile: string
}

export interface NewRun {
  /** The mixlab run's key; the run is tagged with it, and found by it. */
  readonly key: string
  readonly experiment: string
  readonly name: string
  readonly user: string
  /** Milliseconds since 1970. */
  readonly startTime: number
  readonly tags: ReadonlyMap<string, string>
}

export interface MlflowStore {
  /** Where it is, without secrets. */
  readonly target: string
  check(signal: AbortSignal): Promise<void>
  /** The id of the run of that key in that experiment; both are made where they are missing. */
  openRun(run: NewRun, signal: AbortSignal): Promise<{ readonly id: string; readonly made: boolean }>
  logParameters(run: string, parameters: readonly (readonly [string, string])[], signal: AbortSignal): Promise<void>
  setTags(run: string, tags: ReadonlyMap<string, string>, signal: AbortSignal): Promise<void>
  logPoints(run: string, points: readonly Point[], signal: AbortSignal): Promise<void>
  /** All points of a metric. */
  history(run: string, key: string, signal: AbortSignal): AsyncIterable<Point>
  logDataset(run: string, dataset: MlflowDataset, signal: AbortSignal): Promise<void>
  /** @param endTime milliseconds since 1970; absent while it runs */
  setStatus(run: string, status: MlflowStatus, endTime: number | undefined, signal: AbortSignal): Promise<void>
  /** @param folder in the run's artifacts, `''` for their root */
  upload(run: string, path: string, folder: string, signal: AbortSignal): Promise<void>
  /** Whether the error says that the run is not there (any more). */
  isMissing(error: unknown): boolean
  close(): void
}
