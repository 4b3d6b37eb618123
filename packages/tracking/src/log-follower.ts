// Reads `events.jsonl` while another process writes it: whole lines from a byte offset on. A resumed run cuts its log and
// writes other lines where old ones were, perhaps more of them: the bytes before the offset tell whether they are still
// those that were read.
import { createHash } from 'node:crypto'
import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fromJson, type RunEvent } from '@mixlab/core'

/** How far a log has been read. */
export interface LogPosition {
  /** Bytes. */
  readonly offset: number
  readonly lines: number
  /** Hash of the last bytes before the offset. */
  readonly tail: string
}

export const logStart: LogPosition = { offset: 0, lines: 0, tail: '' }

export interface LogPart {
  readonly events: readonly RunEvent[]
  readonly position: LogPosition
  /** The log is no longer the one that was read up to the position: it has to be read from its start. */
  readonly cut: boolean
}

const tailBytes = 512
/** Read at a time: some thousand events. */
const partBytes = 1 << 20
const newline = 10

const hashed = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes.subarray(-tailBytes)).digest('hex').slice(0, 32)

const logOf = (directory: string): string => join(directory, 'events.jsonl')

function parse(line: string): object | undefined {
  try {
    const event = fromJson(line)
    return typeof event === 'object' && event !== null && 'type' in event ? event : undefined
  } catch {
    return undefined
  }
}

/** The next whole lines after the position; none where there are none. A line that is no event is left out. @param run its id */
export async function readLog(directory: string, position: LogPosition, run: string): Promise<LogPart> {
  const nothing = { events: [], position, cut: false }
  const file = await open(logOf(directory), 'r').catch(() => undefined)
  if (!file) return position.offset > 0 ? { ...nothing, cut: true } : nothing
  try {
    const { size } = await file.stat()
    if (size < position.offset) return { ...nothing, cut: true }
    const start = Math.max(0, position.offset - tailBytes)
    for (let wanted = partBytes; ; wanted *= 4) {
      const bytes = Buffer.alloc(Math.min(size - start, position.offset - start + wanted))
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start)
      const before = bytes.subarray(0, position.offset - start)
      if (position.offset > 0 && hashed(before) !== position.tail) return { ...nothing, cut: true }
      const end = bytes.subarray(0, bytesRead).lastIndexOf(newline) + 1
      if (end > before.length) return partOf(bytes.subarray(before.length, end), bytes.subarray(0, end), position, run)
      if (bytesRead < bytes.length || start + bytesRead >= size) return nothing
    }
  } finally {
    await file.close()
  }
}

function partOf(bytes: Buffer, withTail: Buffer, position: LogPosition, run: string): LogPart {
  const lines = bytes.toString('utf8').split('\n').slice(0, -1)
  const events = lines.flatMap((line, index): RunEvent[] => {
    const event = parse(line)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a log holds what the lab wrote
    return event ? [{ ...event, run, sequence: position.lines + index } as unknown as RunEvent] : []
  })
  const offset = position.offset + bytes.length
  return { events, position: { offset, lines: position.lines + lines.length, tail: hashed(withTail) }, cut: false }
}

/** All events of a log. */
export async function* eventsOf(directory: string, run: string): AsyncGenerator<RunEvent> {
  for (let position = logStart; ;) {
    const part = await readLog(directory, position, run)
    if (part.position === position) return
    yield* part.events
    position = part.position
  }
}

const sizeOf = (directory: string): Promise<number> =>
  stat(logOf(directory)).then(
    (found) => found.size,
    () => 0,
  )

/** Bytes of the log after the position. */
export const bytesLeft = async (directory: string, position: LogPosition): Promise<number> =>
  Math.max(0, (await sizeOf(directory)) - position.offset)

/** Whether the log ends where it has been read up to; one that was cut does not, until it has as many bytes again. */
export const isReadUpTo = async (directory: string, position: LogPosition): Promise<boolean> =>
  (await sizeOf(directory)) === position.offset
