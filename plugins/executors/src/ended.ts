// How a process ended, from what a system tells of it: an exit code, a signal, a shell's status.
import { constants } from 'node:os'
import type { JobState } from '@mixlab/studies'

export type Ended = Extract<JobState, { state: 'ended' }>

export const endedWith = (code: number | null, reason?: string): Ended => ({
  state: 'ended',
  code,
  ...(reason !== undefined && { reason }),
})

/** The kernel ends a process with SIGKILL when memory runs out, and tells nobody else. */
export const endedBySignal = (signal: string): Ended =>
  endedWith(null, `killed by ${signal}${signal === 'SIGKILL' ? ', perhaps out of memory' : ''}`)

const signalName = (number: number): string =>
  Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`

/** A shell's status: 128 + n for signal n. 130 is a trial's own code, and no system kills with SIGINT. */
export const endedByStatus = (status: number): Ended =>
  status > 128 && status < 128 + 65 && status !== 130 ? endedBySignal(signalName(status - 128)) : endedWith(status)

/** The status that `wait` of POSIX gives: the signal in the low seven bits, the exit code in the next byte. */
export const endedByWait = (status: number): Ended => {
  const signal = status & 0x7f
  return signal === 0 ? endedByStatus((status >> 8) & 0xff) : endedBySignal(signalName(signal))
}
