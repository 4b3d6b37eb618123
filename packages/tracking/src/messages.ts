// What the run's process and the one that delivers say to each other.
import type { FollowOutcome } from './follow.ts'
import type { TrackerRequest } from './load-trackers.ts'

export type ToTrackers =
  /** Make the trackers and check them. */
  | {
      readonly type: 'prepare'
      readonly modules: readonly string[]
      readonly trackers: readonly TrackerRequest[]
      readonly checkMs: number
    }
  | { readonly type: 'follow'; readonly directory: string }
  /** The run's directory is complete: send the rest, and end. */
  | { readonly type: 'finish'; readonly limitMs: number }

export type FromTrackers =
  | { readonly type: 'ready' }
  /** A person's mistake, in one line; or a defect. */
  | { readonly type: 'refused'; readonly message: string; readonly code?: string }
  | { readonly type: 'problem'; readonly tracker: string; readonly message: string }
  | { readonly type: 'recovered'; readonly tracker: string }
  | { readonly type: 'done'; readonly outcomes: readonly FollowOutcome[] }
