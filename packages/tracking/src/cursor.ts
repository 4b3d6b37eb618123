// What is known to have arrived, in `trackers/<name>.json` of the run directory. It spares work, it is not what makes a
// delivery exact: where it is missing, old or of another target, trackers compare with what has arrived.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromJson, type RunStatus, toJson, writeAtomically } from '@mixlab/core'
import { type LogPosition, logStart } from './log-follower.ts'

const FORMAT = 1

export interface RunCursor {
  position: LogPosition
  /** The tracker's own data. */
  state: Record<string, unknown>
  /** The status that the tracker was told; absent while the run goes on. */
  ended?: RunStatus | undefined
  /** Of the last event that arrived, in milliseconds since 1970. */
  lastTime: number
}

export interface Cursor {
  readonly format: typeof FORMAT
  readonly tracker: string
  /** How the tracker was configured, so that what is left can be sent without saying it again. */
  readonly config: Readonly<Record<string, unknown>>
  readonly target: string
  /** By the path of the run's directory relative to the outermost run's, which is `.`. */
  readonly runs: Record<string, RunCursor>
}

export const trackersFolder = (root: string): string => join(root, 'trackers')
export const cursorFile = (root: string, name: string): string => join(trackersFolder(root), `${name}.json`)

export const newRunCursor = (): RunCursor => ({ position: logStart, state: {}, lastTime: 0 })

/** The cursor as it was last written; undefined where there is none that can be read. */
export async function readCursor(root: string, name: string): Promise<Cursor | undefined> {
  try {
    const found = fromJson(await readFile(cursorFile(root, name), 'utf8'))
    const known = typeof found === 'object' && found !== null && 'format' in found && found.format === FORMAT
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of this format, hence written by `writeCursor`
    return known ? (found as unknown as Cursor) : undefined
  } catch {
    return undefined
  }
}

/** The cursor to go on from: the written one if it is for the same target. */
export async function openCursor(root: string, about: Pick<Cursor, 'tracker' | 'config' | 'target'>): Promise<Cursor> {
  const earlier = await readCursor(root, about.tracker)
  return { format: FORMAT, ...about, runs: earlier?.target === about.target ? earlier.runs : {} }
}

export const writeCursor = (root: string, cursor: Cursor): Promise<void> =>
  writeAtomically(cursorFile(root, cursor.tracker), `${toJson(cursor, 1)}\n`)
