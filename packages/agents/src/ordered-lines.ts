// A file of JSON lines in the order of their places, whatever the order in which they come. Lines that came early wait in
// memory for those before them. The file has its name when it is whole; until then it is `<name>.partial`.
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { diskProblem, toJson } from '@mixlab/core'

export class OrderedLines implements AsyncDisposable {
  readonly #path: string
  readonly #file: FileHandle
  readonly #early = new Map<number, string>()
  #next = 0
  #writing: Promise<void> = Promise.resolve()

  private constructor(path: string, file: FileHandle) {
    this.#path = path
    this.#file = file
  }

  /** @throws MixlabError when the file cannot be made. */
  static async open(path: string): Promise<OrderedLines> {
    try {
      await mkdir(dirname(path), { recursive: true })
      return new OrderedLines(path, await open(`${path}.partial`, 'w'))
    } catch (error) {
      throw diskProblem(path, error)
    }
  }

  /** Places before this one are in the file. */
  get written(): number {
    return this.#next
  }

  /** Resolves when what can be written is. @throws MixlabError on a full disk */
  add(place: number, line: unknown): Promise<void> {
    this.#early.set(place, `${toJson(line)}\n`)
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  async #write(): Promise<void> {
    let text = ''
    for (let line = this.#early.get(this.#next); line !== undefined; line = this.#early.get(this.#next)) {
      text += line
      this.#early.delete(this.#next++)
    }
    if (text === '') return
    try {
      await this.#file.appendFile(text)
    } catch (error) {
      throw diskProblem(this.#path, error)
    }
  }

  /** Every line is there: the file gets its name. */
  async finish(): Promise<void> {
    await this.#writing
    try {
      await this.#file.sync()
      await this.#file.close()
      await rename(`${this.#path}.partial`, this.#path)
    } catch (error) {
      throw diskProblem(this.#path, error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing.catch(() => undefined)
    await this.#file.close().catch(() => undefined)
  }
}
