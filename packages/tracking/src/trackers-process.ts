// The process that owns the trackers of a run. Not a thread of the run's: it has a low priority, so that it takes
// time that training leaves; no fault of a tracker can reach the run; and when the run is killed, it is still there to
// send the last steps and the status.
import { getPriority, setPriority } from 'node:os'
import { MixlabError, readRunFile, type RunFile } from '@mixlab/core'
import { createDelivery, type Delivery } from './delivery.ts'
import { follow, type FollowOutcome, messageOf } from './follow.ts'
import { importTrackers, makeTracker, type TrackerRequest } from './load-trackers.ts'
import { lockDelivery } from './lock.ts'
import type { FromTrackers, ToTrackers } from './messages.ts'
import type { Tracker } from './tracker.ts'

/** How long the rest is sent for when the run's process is gone. */
const orphanMs = 30_000
/** Below what runs as usual; a tenth of a busy processor is left. */
const priority = 10

interface Made extends TrackerRequest {
  readonly tracker: Tracker
}

const parent = process.ppid
const ended = new AbortController()
const stopped = new AbortController()
let made: readonly Made[] = []
let following: Promise<readonly FollowOutcome[]> | undefined
let isOrphan = false

const say = (message: FromTrackers): void => void (process.connected && process.send?.(message))

/** `run.json`; what is running in a process that is gone has been interrupted. */
async function read(directory: string): Promise<RunFile> {
  const file = await readRunFile(directory)
  return isOrphan && file.status === 'running' && file.process.pid === parent
    ? { ...file, status: 'interrupted' }
    : file
}

async function prepare({ modules, trackers, checkMs }: Extract<ToTrackers, { type: 'prepare' }>): Promise<void> {
  try {
    const known = await importTrackers(modules)
    made = await Promise.all(
      trackers.map(async (request) => ({ ...request, tracker: await makeTracker(known, request) })),
    )
    const signal = AbortSignal.timeout(checkMs)
    const checks = made.map(({ tracker }) => Promise.resolve(tracker.check?.({ signal })))
    await Promise.race([Promise.all(checks), new Promise((resolve) => signal.addEventListener('abort', resolve))])
    say({ type: 'ready' })
  } catch (error) {
    say({ type: 'refused', message: messageOf(error), ...(MixlabError.is(error) && { code: error.code }) })
  }
}

async function deliver({ name, config, tracker }: Made, root: string): Promise<FollowOutcome> {
  const problem = (message: string): void => say({ type: 'problem', tracker: name, message })
  try {
    using _lock = lockDelivery(root, name)
    const delivery: Delivery = await createDelivery({ tracker, name, config, root, read })
    let reported = false
    const outcome = await follow(delivery, {
      ended: ended.signal,
      stopped: stopped.signal,
      onProblem: problem,
      onRecovered: () => say({ type: 'recovered', tracker: name }),
      onPass: () => {
        if (delivery.cursorProblem === undefined || reported) return
        reported = true
        problem(messageOf(delivery.cursorProblem))
      },
    })
    if (!stopped.signal.aborted) await tracker.close?.()
    return outcome
  } catch (error) {
    problem(messageOf(error))
    return { tracker: name, bytes: 0, runs: 1, problem: messageOf(error) }
  }
}

async function finish(limitMs: number): Promise<void> {
  ended.abort()
  const limit = setTimeout(() => stopped.abort(), limitMs)
  const outcomes = (await following) ?? []
  clearTimeout(limit)
  if (!process.connected) process.exit()
  process.send?.({ type: 'done', outcomes } satisfies FromTrackers, () => process.exit())
}

function receive(message: ToTrackers): void {
  if (message.type === 'prepare') void prepare(message)
  else if (message.type === 'follow') following ??= Promise.all(made.map((one) => deliver(one, message.directory)))
  else void finish(message.limitMs)
}

try {
  setPriority(Math.max(getPriority(), priority))
} catch {
  // Not every system lets one.
}
// The terminal's Ctrl-C is for the run, which says when it has ended.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
process.on('message', receive)
process.on('disconnect', () => {
  isOrphan = true
  if (following) void finish(orphanMs)
  else process.exit()
})
