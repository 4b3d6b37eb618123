// Files of one JSON value a line that may be larger than memory: read as a stream, each line with its place in the file,
// so that a single one can be read again. What a killed process left unfinished at the end is not a line.
import { createReadStream } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'

export interface Line {
  readonly text: string
  /** Bytes from the file's start, and its length without the line break. */
  readonly at: number
  readonly bytes: number
}

const BREAK = 10

/** Whole lines in order; none where there is no file. */
export async function* linesOf(path: string): AsyncGenerator<Line> {
  const stream = createReadStream(path, { highWaterMark: 1 << 20 })
  let rest: Buffer[] = []
  let at = 0
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      let from = 0
      for (let end = chunk.indexOf(BREAK); end >= 0; end = chunk.indexOf(BREAK, from)) {
        const line = rest.length === 0 ? chunk.subarray(from, end) : Buffer.concat([...rest, chunk.subarray(from, end)])
        rest = []
        if (line.length > 0) yield { text: line.toString('utf8'), at, bytes: line.length }
        at += line.length + 1
        from = end + 1
      }
      if (from < chunk.length) rest.push(chunk.subarray(from))
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}

/** A line again. */
export async function lineAt(file: FileHandle, { at, bytes }: Pick<Line, 'at' | 'bytes'>): Promise<string> {
  const { buffer } = await file.read(Buffer.allocUnsafe(bytes), 0, bytes, at)
  return buffer.toString('utf8')
}
