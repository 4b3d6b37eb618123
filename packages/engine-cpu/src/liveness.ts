// Whether another thread of this process still lives, asked by a thread that is blocked and so hears no events. Node has no
// call for it; a thread leaves a trace that goes with it instead.
import { closeSync, existsSync, fstatSync, openSync, readlinkSync, statSync } from 'node:fs'

/** What takes the place of a trace whose descriptor another thread was given: its thread has ended. */
const ended = -0x80000000

/**
 * Writes the calling thread's trace at `index`. A descriptor's number is given again as soon as its thread has ended, maybe
 * to this thread: whoever had it before is marked.
 */
export function recordTrace(traces: Int32Array, index: number, trace = leaveTrace()): void {
  for (let i = 0; i < traces.length && trace < 0; i++) Atomics.compareExchange(traces, i, trace, ended)
  Atomics.store(traces, index, trace)
}

/**
 * The calling thread's trace: on Linux the system's number of the thread, elsewhere a file descriptor, as −1 − descriptor:
 * Node closes what a worker has opened when the worker ends, however it ends. 0 where neither is to be had.
 */
export function leaveTrace(platform: string = process.platform): number {
  if (platform === 'linux') {
    try {
      const id = Number(/\d+$/.exec(readlinkSync('/proc/thread-self'))?.[0])
      if (id > 0 && threadExists(id)) return id
    } catch {
      // no /proc here
    }
  }
  try {
    const descriptor = openSync(process.execPath, 'r')
    if (isOurs(descriptor)) return -1 - descriptor
    closeSync(descriptor)
  } catch {
    // no descriptor to be had
  }
  return 0
}

/** Whether the thread that left this trace has ended: none of its code runs any more. False for the trace 0. */
export function isGone(trace: number): boolean {
  if (trace === 0) return false
  if (trace === ended) return true
  return trace > 0 ? !threadExists(trace) : !isOurs(-1 - trace)
}

const threadExists = (id: number): boolean => existsSync(`/proc/self/task/${id}`)

/** Whether the descriptor is open on the file that traces are made with; it could have been given to another by now. */
function isOurs(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).ino === statSync(process.execPath).ino
  } catch {
    return false
  }
}
