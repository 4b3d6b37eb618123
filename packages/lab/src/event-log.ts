// `events.jsonl`: one event per line. Each is written when it is emitted, with a plain synchronous write: some
// microseconds, and then it is the system's, so that nothing which kills the process (SIGKILL, a crash, exit) loses one.
// Checkpoints and the end are synced to the disk. The run's id and the sequence number are not in the lines (the reader
// adds them), so that two runs with one seed give the same bytes apart from `time` and `timing`.
//
// A resumed run replays its script from the top. What it emits is held back until the trainer says `run.resumed` with
// its step s; the log is then cut after `checkpoint.saved` of s, the held events (repetitions of what the log begins
// with) are dropped, and the rest follows: each step appears once, as in a run that was never interrupted.
import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { diskProblem, fromJson, MixlabError, type RunEvent, toJson, writeAtomically } from '@mixlab/core'

const FILE = 'events.jsonl'

function toLine(event: RunEvent): string {
  const { run: _run, sequence: _sequence, ...logged } = event
  return `${toJson(logged)}\n`
}

export class EventLog implements Disposable {
  readonly path: string
  #file: number | undefined
  #bytes = 0
  #held: RunEvent[] | undefined
  #failure: unknown

  /** Opens the log of a run directory. With `resume`, an earlier log is kept until it is known where the run goes on. */
  constructor(directory: string, options: { readonly resume?: boolean } = {}) {
    this.path = join(directory, FILE)
    if (options.resume === true && existsSync(this.path)) this.#held = []
    else this.#open('w')
  }

  /** What made the log fall behind, if anything did: nothing has been written since. */
  get failure(): unknown {
    return this.#failure
  }

  append(event: RunEvent): void {
    if (this.#failure !== undefined) return
    try {
      if (this.#held && event.type === 'run.resumed') this.#cut(event.step)
      // It found nothing to go on from and starts over; one that merely fails to go on leaves the log as it was.
      else if (this.#held && startsOver(event)) this.#restart()
      if (this.#held) this.#held.push(event)
      else this.#write(toLine(event))
      if (event.type === 'checkpoint.saved' || event.type === 'run.finished') this.sync()
    } catch (error) {
      this.#failure = diskProblem(this.path, error)
    }
  }

  sync(): void {
    if (this.#file !== undefined) fsyncSync(this.#file)
  }

  [Symbol.dispose](): void {
    if (this.#file === undefined) return
    closeSync(this.#file)
    this.#file = undefined
  }

  #open(flags: 'w' | 'r+', bytes = 0): void {
    try {
      this.#file = openSync(this.path, flags)
    } catch (error) {
      throw diskProblem(this.path, error)
    }
    this.#bytes = bytes
    if (flags === 'r+') ftruncateSync(this.#file, bytes)
  }

  #write(lines: string): void {
    const data = Buffer.from(lines)
    try {
      for (let done = 0; done < data.length;)
        done += writeSync(this.#file!, data, done, data.length - done, this.#bytes + done)
      this.#bytes += data.length
    } catch (error) {
      // A full disk takes a part of a line: leave whole lines only.
      ftruncateSync(this.#file!, this.#bytes)
      throw error
    }
  }

  #restart(): void {
    const held = this.#held ?? []
    this.#held = undefined
    this.#open('w')
    if (held.length > 0) this.#write(held.map(toLine).join(''))
  }

  #cut(step: number): void {
    if (step <= 0) return this.#restart()
    const text = readFileSync(this.path, 'utf8')
    const { kept, complete } = upToCheckpoint(text, step)
    this.#held = undefined
    this.#open('r+', Buffer.byteLength(kept))
    if (!complete) {
      const path = checkpointPath(join(this.path, '..'), step)
      this.#write(`${toJson({ type: 'checkpoint.saved', time: Date.now(), step, path })}\n`)
    }
  }
}

const startsOver = (event: RunEvent): boolean =>
  event.type === 'train.step' || (event.type === 'run.finished' && event.status === 'finished')

/**
 * The lines up to and with `checkpoint.saved` of that step. A process killed between saving the checkpoint and saying so
 * leaves a log without it (`complete` is false): then everything up to that step.
 */
function upToCheckpoint(text: string, step: number): { kept: string; complete: boolean } {
  let end = 0
  for (const line of text.split('\n').slice(0, -1)) {
    const event = parseLine(line)
    if (event === undefined) break
    if (Number(event['step']) > step) break
    if (event['type'] === 'run.finished') break
    end += line.length + 1
    if (event['type'] === 'checkpoint.saved' && event['step'] === step)
      return { kept: text.slice(0, end), complete: true }
  }
  return { kept: text.slice(0, end), complete: false }
}

function checkpointPath(directory: string, step: number): string {
  const folder = join(directory, 'checkpoints')
  const names = existsSync(folder) ? readdirSync(folder) : []
  return `checkpoints/${names.find((name) => Number(/(\d+)$/.exec(name)?.[1]) === step) ?? `step-${step}`}`
}

function parseLine(line: string): Record<string, unknown> | undefined {
  try {
    const event = fromJson(line)
    return typeof event === 'object' && event !== null && 'type' in event ? { ...event } : undefined
  } catch {
    return undefined
  }
}

/**
 * The events of a run, in order. A last line that a kill cut in half is left out.
 * @param directory the run directory
 * @throws MixlabError when a line that is not the last one is not an event.
 */
export async function* readEvents(directory: string): AsyncGenerator<RunEvent> {
  const path = join(directory, FILE)
  if (!existsSync(path)) return
  const run = idOf(directory)
  let sequence = 0
  let rest = ''
  for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 18 })) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const event = parseLine(line)
      if (event === undefined)
        throw new MixlabError(`${path} is corrupt: line ${sequence + 1} is not JSON`, { code: 'corrupt-run' })
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a log holds what `append` wrote
      yield { ...event, run, sequence: sequence++ } as unknown as RunEvent
    }
  }
}

function idOf(directory: string): string {
  try {
    const file = fromJson(readFileSync(join(directory, 'run.json'), 'utf8'))
    return typeof file === 'object' && file !== null && 'id' in file ? String(file.id) : ''
  } catch {
    return ''
  }
}

/** Cuts a half-written last line off a log, in one step; done before a run goes on. */
export async function repairEvents(directory: string): Promise<void> {
  const path = join(directory, FILE)
  if (!existsSync(path)) return
  const text = readFileSync(path, 'utf8')
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  if (whole.length < text.length) await writeAtomically(path, whole)
}
