// A recording: a folder of append-only files, one for each process that ever wrote into it. A line is written with one
// write: killed at any moment, a process leaves at most one line without an end, which nobody appends to and everybody
// skips. So any number of processes write into one recording at once, without locks, and see what the others wrote a
// moment later. A power cut loses the last second: lines are synced to the disk in the background.
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { diskProblem, MixlabError } from '@mixlab/core'
import type { Amount } from './budget.ts'
import {
  type AgentsLine,
  agentsLineOf,
  type AliasedCall,
  armHash,
  callHash,
  headBytes,
  headOf,
  isAgentsLine,
  isOfRun,
  lineOf,
  parseCall,
  parseHead,
  type RecordedCall,
} from './recorded-call.ts'
import { type Found, type Place, RecordingIndex } from './recording-index.ts'
import { scrub } from './scrub.ts'

const chunkBytes = 4 << 20
/** How often the other processes' files are looked at. */
const refreshMs = 250
/** How often lines are synced to the disk. */
const syncMs = 1000
const newline = 10
const fileName = /^calls-\d+\.jsonl$/

interface SourceFile {
  readonly name: string
  readonly descriptor: number
  /** The end of the last whole line that was read. */
  end: number
}

export interface RecordingOptions {
  /** `read`: nothing is written, and the folder must be there. */
  readonly access: 'read' | 'write'
  /** What must not be written. */
  readonly secrets?: ReadonlySet<string>
}

export class Recording implements Disposable {
  readonly folder: string
  readonly #options: RecordingOptions
  readonly #files: SourceFile[] = []
  readonly #known = new Set<string>()
  readonly #index = new RecordingIndex()
  readonly #agents = new Map<string, AgentsLine['agents']>()
  #own: number | undefined
  #refreshedAt = 0
  #syncedAt = 0

  /** @throws MixlabError when the folder cannot be made or read, or holds something else */
  constructor(folder: string, options: RecordingOptions) {
    this.folder = folder
    this.#options = options
    try {
      if (options.access === 'write') mkdirSync(folder, { recursive: true })
      this.#readAll()
    } catch (error) {
      this[Symbol.dispose]()
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        throw new MixlabError(`there is no recording in ${folder}: expected the folder of an earlier run's calls`, {
          code: 'no-recording',
          cause: error,
        })
      throw diskProblem(folder, error)
    }
  }

  /** Lines, aliases included. */
  get size(): number {
    return this.#index.size
  }

  /** What was recorded of that call; its request being the same. */
  ofCall(scope: string, id: string, key: string): Found | undefined {
    return this.#index.ofCall(callHash(scope, id), key)
  }

  /** What a request came to, whichever call made it; `call` is what an alias names. */
  ofKey(key: string): (Found & { readonly call: string }) | undefined {
    const found = this.#index.ofKey(key)
    if (found || this.#options.access === 'read' || performance.now() - this.#refreshedAt < refreshMs) return found
    this.#readAll()
    return this.#index.ofKey(key)
  }

  /** The last that was recorded of that call, whatever its request was. */
  latest(scope: string, id: string): RecordedCall | undefined {
    const place = this.#index.latest(callHash(scope, id))
    return place && this.read(place)
  }

  /** What was spent on an arm's calls. */
  spent(scope: string): Amount {
    const wanted = armHash(scope)
    return this.#index.spent((arm) => arm === wanted)
  }

  /** What was spent on the calls of all arms of a run; `scope` is any of them. */
  spentByRun(scope: string): Amount {
    return this.#index.spent((arm) => isOfRun(arm, scope))
  }

  /** Which models an arm's agents were; undefined where none was recorded. */
  agents(scope: string): AgentsLine['agents'] | undefined {
    return this.#agents.get(armHash(scope))
  }

  /** Every recorded call, one at a time. */
  *calls(): Generator<RecordedCall> {
    for (const place of this.#index.places()) yield this.read(place)
  }

  read({ file, offset, length }: Place): RecordedCall {
    const bytes = Buffer.allocUnsafe(length)
    const { descriptor, name } = this.#files[file]!
    if (readSync(descriptor, bytes, 0, length, offset) !== length)
      throw new MixlabError(`${join(this.folder, name)} has become shorter: somebody has cut it; open it again`)
    return parseCall(bytes.toString('utf8'))
  }

  /** @throws MixlabError when the disk is full or read-only */
  append(call: RecordedCall | AliasedCall): void {
    const place = this.#write(lineOf(call))
    this.#index.add(headOf(call), place)
  }

  /** Notes which models an arm's agents are, for replays that make none. */
  appendAgents(scope: string, agents: AgentsLine['agents']): void {
    if (JSON.stringify(this.agents(scope)) === JSON.stringify(agents)) return
    this.#write(agentsLineOf(scope, agents))
    this.#agents.set(armHash(scope), agents)
  }

  [Symbol.dispose](): void {
    const own = this.#own === undefined ? undefined : this.#files[this.#own]
    if (own) fdatasyncSync(own.descriptor)
    for (const { descriptor } of this.#files.splice(0)) closeSync(descriptor)
    this.#own = undefined
  }

  #write(line: string): Place {
    const bytes = Buffer.from(scrub(line, this.#options.secrets ?? new Set()))
    try {
      const file = (this.#own ??= this.#create())
      const source = this.#files[file]!
      const offset = source.end
      for (let at = 0; at < bytes.length;) at += writeSync(source.descriptor, bytes, at)
      source.end += bytes.length
      if (performance.now() - this.#syncedAt > syncMs) {
        this.#syncedAt = performance.now()
        fdatasync(source.descriptor, () => undefined)
      }
      return { file, offset, length: bytes.length - 1 }
    } catch (error) {
      // A part of the line may be written: it stays the last of its file.
      this.#own = undefined
      throw diskProblem(this.folder, error)
    }
  }

  /** A file of this process's own: the next number that is free. */
  #create(): number {
    for (let number = this.#files.length + 1; ; number++) {
      const name = `calls-${String(number).padStart(4, '0')}.jsonl`
      if (this.#known.has(name)) continue
      try {
        const descriptor = openSync(join(this.folder, name), 'ax+')
        this.#known.add(name)
        return this.#files.push({ name, descriptor, end: 0 }) - 1
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
    }
  }

  /** Whole lines that have been added to the other files. */
  #readAll(): void {
    this.#refreshedAt = performance.now()
    for (const name of readdirSync(this.folder).toSorted()) {
      if (!fileName.test(name) || this.#known.has(name)) continue
      this.#known.add(name)
      this.#files.push({ name, descriptor: openSync(join(this.folder, name), 'r'), end: 0 })
    }
    for (const [file, source] of this.#files.entries()) if (file !== this.#own) this.#readFrom(file, source)
  }

  #readFrom(file: number, source: SourceFile): void {
    const { size } = fstatSync(source.descriptor)
    let length = chunkBytes
    while (source.end < size) {
      const chunk = Buffer.allocUnsafe(Math.min(length, size - source.end))
      const count = readSync(source.descriptor, chunk, 0, chunk.length, source.end)
      const bytes = chunk.subarray(0, count)
      let at = 0
      for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, at)) {
        this.#addLine(file, source, bytes.subarray(at, end), at)
        at = end + 1
      }
      source.end += at
      if (at > 0) length = chunkBytes
      // No end of a line in it: a longer one, or the last one of a process that writes just now or was killed.
      else if (source.end + count >= size) return
      else length *= 2
    }
  }

  #addLine(file: number, source: SourceFile, line: Buffer, at: number): void {
    const start = line.toString('latin1', 0, headBytes)
    const head = parseHead(start)
    if (head) return this.#index.add(head, { file, offset: source.end + at, length: line.length })
    if (!isAgentsLine(start))
      throw new MixlabError(
        `${join(this.folder, source.name)} is damaged at byte ${source.end + at}: expected a recorded call, found ${JSON.stringify(start.slice(0, 40))}`,
        { code: 'damaged-recording' },
      )
    const { arm, agents } = JSON.parse(line.toString('utf8')) as AgentsLine
    this.#agents.set(arm, agents)
  }
}
