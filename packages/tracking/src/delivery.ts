// Delivers one run, its children included, to one tracker: reads what the logs have beyond the cursor, hands it over,
// moves the cursor. Any call may fail or be the last; the next one goes on from what is known to have arrived.
import { toJson, type RunFile, readRunFile } from '@mixlab/core'
import { newRunCursor, openCursor, type RunCursor, writeCursor } from './cursor.ts'
import { bytesLeft, eventsOf, isReadUpTo, logStart, readLog } from './log-follower.ts'
import { keyOf, runPlaces, type RunPlace } from './run-tree.ts'
import { asksToStartOver, type Continuity, type DeliveryOptions, type TrackedRun, type Tracker } from './tracker.ts'

export interface DeliverySetup {
  readonly tracker: Tracker
  /** The tracker's name and the configuration that it was made with. */
  readonly name: string
  readonly config: Readonly<Record<string, unknown>>
  /** The outermost run's directory. */
  readonly root: string
  /** How `run.json` is read. */
  readonly read?: (directory: string) => Promise<RunFile>
}

export interface PassOptions extends DeliveryOptions {
  /** The outermost run has ended and nothing is added to its directory any more: it is ended, too. */
  readonly final: boolean
}

export interface Delivery {
  readonly name: string
  /**
   * Delivers all that there is.
   * @returns the number of events that were delivered
   * @throws what the tracker throws
   */
  pass(options: PassOptions): Promise<number>
  /** What is still to be delivered. */
  left(): Promise<{ readonly bytes: number; readonly runs: number }>
  /** Why the cursor could not be written, if it could not. */
  readonly cursorProblem: unknown
}

export async function createDelivery({
  tracker,
  name,
  config,
  root,
  read = readRunFile,
}: DeliverySetup): Promise<Delivery> {
  const cursor = await openCursor(root, { tracker: name, config, target: tracker.target })
  /** Of runs to which something was delivered since the delivery was made. */
  const continuities = new Map<string, Continuity>()
  let written = ''
  let cursorProblem: unknown

  async function save(): Promise<void> {
    const now = toJson(cursor)
    if (now === written) return
    try {
      await writeCursor(root, cursor)
      written = now
      cursorProblem = undefined
    } catch (error) {
      // A full disk: the delivery goes on, a later process has to compare.
      cursorProblem = error
    }
  }

  async function tracked(place: RunPlace, at: RunCursor): Promise<TrackedRun> {
    const file = await read(place.directory)
    const parent =
      place.parent === undefined
        ? undefined
        : await tracked(parentPlace(root, place.parent), cursor.runs[place.parent] ?? newRunCursor())
    return {
      file,
      directory: place.directory,
      key: keyOf(file),
      ...(parent && { parent }),
      get state() {
        return at.state
      },
      get lastTime() {
        return at.lastTime
      },
      events: () => eventsOf(place.directory, file.id),
    }
  }

  /** Delivers the rest of one run's log. */
  async function deliver(run: TrackedRun, path: string, at: RunCursor, signal: AbortSignal): Promise<number> {
    let count = 0
    for (;;) {
      const part = await readLog(run.directory, at.position, run.file.id)
      if (part.cut) {
        at.position = logStart
        continue
      }
      if (part.position === at.position) return count
      // What an earlier process knew to have arrived has; what it was about to send may have.
      const continuity = at.position.offset === 0 ? 'restarts' : (continuities.get(path) ?? 'uncertain')
      // In doubt is also what was on its way of the log that this one takes the place of: all is compared, step by step.
      if (continuity === 'uncertain' && part.events.some(({ type }) => type === 'run.resumed')) {
        at.position = logStart
        continue
      }
      at.ended = undefined
      continuities.set(path, 'uncertain')
      if (part.events.length > 0) await tracker.write(run, part.events, { continuity, signal })
      continuities.set(path, 'continues')
      count += part.events.length
      at.position = part.position
      at.lastTime = part.events.at(-1)?.time ?? at.lastTime
      await save()
    }
  }

  /** Delivers the rest of one run, and its end. */
  async function deliverRun(place: RunPlace, at: RunCursor, { final, signal }: PassOptions): Promise<number> {
    // Before the log: of a run that says that it has ended, the log is complete.
    const run = await tracked(place, at)
    const count = await deliver(run, place.path, at, signal)
    const { status } = run.file
    if (status === 'running' || (place.path === '.' ? !final : at.ended === status)) return count
    await tracker.end?.(run, { signal })
    at.ended = status
    await save()
    return count
  }

  /** The same, from the log's beginning if the tracker asks for that. */
  async function deliverWholly(place: RunPlace, at: RunCursor, options: PassOptions): Promise<number> {
    try {
      return await deliverRun(place, at, options)
    } catch (error) {
      if (!asksToStartOver(error)) throw error
      at.position = logStart
      return await deliverRun(place, at, options)
    }
  }

  async function deliverAll({ final, signal }: PassOptions, again = true): Promise<number> {
    let count = 0
    const hasEnded = (path: string) => path !== '.' && cursor.runs[path]?.ended !== undefined
    for await (const place of runPlaces(root, hasEnded)) {
      const at = (cursor.runs[place.path] ??= newRunCursor())
      const isDone = place.path !== '.' && !final && at.ended !== undefined
      if (isDone && (await isReadUpTo(place.directory, at.position))) continue
      count += await deliverWholly(place, at, { final: false, signal })
    }
    // The outermost run ends last.
    const outermost = cursor.runs['.']
    if (!final || !outermost) return count
    try {
      return count + (await deliverRun({ path: '.', directory: root }, outermost, { final, signal }))
    } catch (error) {
      if (!again || !asksToStartOver(error)) throw error
      // It is lost, and so may its children be.
      for (const at of Object.values(cursor.runs)) {
        at.position = logStart
        at.ended = undefined
      }
      return count + (await deliverAll({ final, signal }, false))
    }
  }

  // That the run has this tracker is known from now on, whether anything arrives or not.
  await save()

  return {
    name,
    get cursorProblem() {
      return cursorProblem
    },
    pass: (options) => deliverAll(options),
    async left() {
      let bytes = 0
      let runs = 0
      for await (const { path, directory } of runPlaces(root)) {
        const at = cursor.runs[path]
        const rest = await bytesLeft(directory, at?.position ?? logStart)
        bytes += rest
        if (rest > 0 || at?.ended === undefined) runs++
      }
      return { bytes, runs }
    },
  }
}

function parentPlace(root: string, path: string): RunPlace {
  const directory = path === '.' ? root : `${root}/${path}`
  const above = path === '.' ? undefined : path.split('/').slice(0, -2).join('/') || '.'
  return { path, directory, ...(above !== undefined && { parent: above }) }
}
