// A journal's bytes: lines are read from where the last reading ended, and appended whole. A line that a killed writer left
// half-written is no part of the journal. At the end of the file readers skip it, as Optuna does, and the next writer cuts
// it off. Where somebody has appended after it (Optuna does not look), Optuna cannot read the file any more: we read on
// behind the torn part, and the next writer blanks it out in place, which leaves every byte offset as it was.
import { isAscii } from 'node:buffer'
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import { MixlabError } from '@mixlab/core'
import { diskProblem } from './disk-problem.ts'
import type { JournalLine } from './journal-state.ts'
import { parsePythonJson } from './python-json.ts'

const chunkBytes = 8 << 20
const newline = 10
/** How every line of Optuna's and ours begins. */
const opening = '{"op_code":'

interface Torn {
  readonly at: number
  readonly bytes: number
}

export class JournalFile {
  readonly path: string
  /** The end of what has been read: always the end of a line. */
  #offset = 0
  #lines = 0
  #torn: Torn[] = []

  /**
   * @param create makes an empty journal where there is no file
   * @throws MixlabError when it cannot be made
   */
  constructor(path: string, create: boolean) {
    this.path = path
    try {
      if (create) closeSync(openSync(path, 'a'))
    } catch (error) {
      throw diskProblem(path, error)
    }
  }

  /**
   * Gives `apply` every whole line that has been appended since the last call. The file is opened each time: on NFS that is
   * what makes others' appends visible.
   * @throws MixlabError on a file that cannot be read, is no journal, or has become shorter
   */
  read(apply: (line: JournalLine) => void): void {
    let file: number | undefined
    try {
      file = openSync(this.path, 'r')
      this.#readFrom(file, apply)
    } catch (error) {
      throw diskProblem(this.path, error)
    } finally {
      if (file !== undefined) closeSync(file)
    }
  }

  #readFrom(file: number, apply: (line: JournalLine) => void): void {
    const { size } = fstatSync(file)
    if (size < this.#offset)
      throw this.#problem('has become shorter: somebody has replaced or cut it; open it again', 'journal-changed')
    let length = chunkBytes
    while (this.#offset < size) {
      const chunk = Buffer.allocUnsafe(Math.min(length, size - this.#offset))
      const count = readSync(file, chunk, 0, chunk.length, this.#offset)
      const end = chunk.subarray(0, count).lastIndexOf(newline) + 1
      if (end > 0) this.#parse(chunk.subarray(0, end), apply)
      else if (this.#offset + count >= size) return this.#checkTail(chunk.subarray(0, count))
      else length *= 2
    }
  }

  #parse(bytes: Buffer, apply: (line: JournalLine) => void): void {
    // Latin-1 has a character for each byte, and journals are ASCII; what is not is decoded line by line.
    const text = bytes.toString('latin1')
    const decode = isAscii(bytes)
      ? text.slice.bind(text)
      : (from: number, to: number) => bytes.toString('utf8', from, to)
    const start = this.#offset
    for (let at = 0; at < text.length;) {
      const end = text.indexOf('\n', at)
      const parsed = this.#line(decode(at, end), start + at)
      this.#lines++
      this.#offset = start + end + 1
      apply(parsed)
      at = end + 1
    }
  }

  #line(text: string, at: number): JournalLine {
    try {
      return asOperation(parsePythonJson(text))
    } catch {
      const healed = behindTorn(text)
      if (healed === undefined) throw this.#notJournal(text)
      this.#torn.push({ at, bytes: Buffer.byteLength(text.slice(0, healed.from)) })
      return healed.line
    }
  }

  #notJournal(text: string): MixlabError {
    const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
    return this.#lines === 0
      ? this.#problem(`is not a journal: it begins with ${shown}; expected Optuna's journal format`, 'not-a-journal')
      : this.#problem(
          `is damaged in line ${this.#lines + 1}: ${shown}; expected an operation in JSON`,
          'journal-damaged',
        )
  }

  /** A half-written first line is still the beginning of an operation. */
  #checkTail(tail: Buffer): void {
    const text = tail.toString('latin1', 0, opening.length)
    if (this.#lines === 0 && !opening.startsWith(text)) throw this.#notJournal(tail.toString('utf8', 0, 100))
  }

  #problem(what: string, code: string): MixlabError {
    return new MixlabError(`${this.path} ${what}`, { code })
  }

  /**
   * Appends whole lines and syncs them to the disk. Only under the lock, with everything read. What a full disk took in part
   * is taken back.
   * @throws MixlabError when the disk is full or read-only
   */
  append(lines: string): void {
    let file: number | undefined
    try {
      this.#heal()
      file = openSync(this.path, 'a')
      const bytes = Buffer.from(lines)
      try {
        for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at)
        fsyncSync(file)
      } catch (error) {
        ftruncateSync(file, this.#offset)
        throw error
      }
    } catch (error) {
      throw diskProblem(this.path, error)
    } finally {
      if (file !== undefined) closeSync(file)
    }
  }

  /** Under the lock nobody is writing: what has no newline never will have one. */
  #heal(): void {
    const tail = statSync(this.path).size > this.#offset
    if (!tail && this.#torn.length === 0) return
    const file = openSync(this.path, 'r+')
    try {
      if (tail) ftruncateSync(file, this.#offset)
      for (const { at, bytes } of this.#torn) writeSync(file, Buffer.alloc(bytes, ' '), 0, bytes, at)
      fsyncSync(file)
      this.#torn = []
    } finally {
      closeSync(file)
    }
  }
}

function asOperation(value: unknown): JournalLine {
  const line = value as JournalLine | null
  if (typeof line?.op_code === 'number' && typeof line.worker_id === 'string') return line
  throw new SyntaxError('no operation')
}

/** The operation that follows the half-written one in a line, if that is what is wrong with it. */
function behindTorn(text: string): { readonly from: number; readonly line: JournalLine } | undefined {
  for (let from = text.indexOf(opening, 1); from > 0; from = text.indexOf(opening, from + 1)) {
    try {
      return { from, line: asOperation(parsePythonJson(text.slice(from))) }
    } catch {
      // Part of the half-written one, or half-written itself.
    }
  }
  return undefined
}
