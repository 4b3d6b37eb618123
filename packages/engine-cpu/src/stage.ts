// A ring of memory for what the main thread writes for jobs of the queue: tables that kernels read, values of small tensors
// on their way. Other memory may still be used by jobs that wait, and so is the host's to write only when none does.
import type { Progress } from './host-blocks.ts'

export interface StageOptions {
  readonly start: number
  readonly bytes: number
  readonly progress: Progress
  /** Waits until all jobs are done. */
  settle(): void
}

export interface Stage {
  /** Address of memory that is free now, until the jobs published before `close` are done; undefined: more than there is. */
  take(bytes: number): number | undefined
  /** What was taken belongs to the jobs that were published by now. */
  close(): void
}

export function createStage({ start, bytes: size, progress, settle }: StageOptions): Stage {
  // Positions count all bytes ever taken.
  let head = 0
  let tail = 0
  let closed = 0
  const marks: { readonly jobs: number; readonly head: number }[] = []
  let firstMark = 0

  function reclaim(): void {
    const done = progress.completed()
    while (firstMark < marks.length && marks[firstMark]!.jobs <= done) tail = marks[firstMark++]!.head
    if (firstMark < 64) return
    marks.splice(0, firstMark)
    firstMark = 0
  }

  /** Where so many bytes in a row would begin. */
  const placeFor = (bytes: number) => ((head % size) + bytes <= size ? head : Math.ceil(head / size) * size)
  const fits = (bytes: number) => placeFor(bytes) + bytes - tail <= size

  return {
    take(wanted) {
      const bytes = Math.ceil(wanted / 64) * 64
      if (!fits(bytes)) reclaim()
      if (!fits(bytes)) {
        settle()
        reclaim()
        if (closed === head) head = tail = closed = 0
        if (!fits(bytes)) return undefined
      }
      const place = placeFor(bytes)
      head = place + bytes
      return start + (place % size)
    },
    close() {
      if (head === closed) return
      closed = head
      marks.push({ jobs: progress.published(), head })
    },
  }
}
