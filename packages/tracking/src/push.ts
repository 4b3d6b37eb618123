// Delivers a run that has ended, to the end, in the foreground: what `mixlab runs push` does.
import { setTimeout as delay } from 'node:timers/promises'
import { MixlabError, type RunFile } from '@mixlab/core'
import { createDelivery } from './delivery.ts'
import { messageOf } from './follow.ts'
import { lockDelivery } from './lock.ts'
import type { Tracker } from './tracker.ts'

export interface PushOptions {
  readonly tracker: Tracker
  readonly name: string
  readonly config: Readonly<Record<string, unknown>>
  /** The outermost run's directory. */
  readonly root: string
  readonly read?: (directory: string) => Promise<RunFile>
  readonly signal?: AbortSignal
  /** Called now and then with what is still to be sent. */
  readonly onProgress?: (left: { readonly bytes: number; readonly runs: number }) => void
  /** Called before a pause after a failure. */
  readonly onRetry?: (message: string, seconds: number) => void
  /** Failures in a row, without anything having arrived between them, after which it gives up. Default 5. */
  readonly attempts?: number
}

const progressMs = 500
const firstPauseMs = 1000

/**
 * Delivers what has not arrived yet.
 * @returns the number of events that were sent
 * @throws MixlabError when the tracker goes on failing; what has arrived is not sent again the next time.
 */
export async function pushRun(options: PushOptions): Promise<number> {
  const { tracker, name, config, root, read, onProgress, onRetry, attempts = 5 } = options
  const signal = options.signal ?? new AbortController().signal
  await tracker.check?.({ signal })
  using _lock = lockDelivery(root, name)
  const delivery = await createDelivery({ tracker, name, config, root, ...(read && { read }) })
  let progressing = false
  const timer = setInterval(() => {
    if (progressing || !onProgress) return
    progressing = true
    void delivery
      .left()
      .then(onProgress)
      .finally(() => (progressing = false))
  }, progressMs)
  try {
    let before = await delivery.left()
    let sent = 0
    for (let failures = 0; ;) {
      try {
        sent += await delivery.pass({ final: true, signal })
        await tracker.close?.()
        if (delivery.cursorProblem !== undefined) throw delivery.cursorProblem
        return sent
      } catch (error) {
        if (error === delivery.cursorProblem) throw error
        signal.throwIfAborted()
        const left = await delivery.left()
        failures = left.bytes < before.bytes || left.runs < before.runs ? 1 : failures + 1
        before = left
        if (failures >= attempts)
          throw new MixlabError(`${name}: ${messageOf(error)}; what has arrived is kept, run it again later`, {
            code: 'tracker',
            cause: error,
          })
        const ms = firstPauseMs * 2 ** (failures - 1)
        onRetry?.(messageOf(error), ms / 1000)
        await delay(ms, undefined, { signal })
      }
    }
  } finally {
    clearInterval(timer)
  }
}
