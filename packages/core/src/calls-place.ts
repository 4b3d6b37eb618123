// Where a run keeps the calls that it makes to language models, and whether it makes any. The lab decides it (a run's
// children and a sweep's trials share one recording); whoever makes calls asks for it by this token.
import { token } from './tokens.ts'

export interface CallsPlace {
  /** A folder: the recording. */
  readonly path: string
  /** The outermost run's id, or that of the run that is replayed: what calls were paid by whom. */
  readonly owner: string
  /** `replay` makes no call: what is not in the recording is an error. */
  readonly mode: 'record' | 'replay'
  /** Whether a call that failed counts as made: true where a run goes on, or is replayed. */
  readonly keepFailures: boolean
}

export const CALLS = token<CallsPlace>('calls')
