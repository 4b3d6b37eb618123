// Bytes of a file as text, refusing what is not text: a NUL byte or invalid UTF-8 in training data means the wrong file.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { MixlabError } from '@mixlab/core'

/** V8 cannot hold a longer string. */
const longestText = 0x1fffffe8

/**
 * UTF-8 text from bytes, without a byte-order mark.
 * @param label what errors call it.
 * @throws MixlabError if there is a NUL byte or invalid UTF-8, saying where.
 */
export function decodeText(bytes: Uint8Array, label: string): string {
  const nul = bytes.indexOf(0)
  if (nul >= 0) throw new MixlabError(`${label} is not text: it has a NUL byte at offset ${nul}`)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new MixlabError(`${label} is not text: it is not valid UTF-8; convert it first`, { cause: error })
  }
}

/** The largest prefix of at most `limit` bytes that does not cut a UTF-8 sequence. */
export function wholeCharacters(bytes: Uint8Array, limit: number): Uint8Array {
  if (bytes.length <= limit) return bytes
  let end = limit
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}

/** The text of a file, or of about its first `limit` bytes. */
export function readTextFile(path: string, limit = Infinity): string {
  const file = openSync(path, 'r')
  try {
    const size = fstatSync(file).size
    // One byte more than the limit shows whether the limit cuts a character.
    const wanted = Math.min(size, limit + 1)
    if (wanted > longestText) {
      throw new MixlabError(`${path} has ${Math.round(size / 1e6)} MB, more than fits in one text; set maxBytes`)
    }
    const bytes = new Uint8Array(wanted)
    let done = 0
    while (done < wanted) {
      const count = readSync(file, bytes, done, wanted - done, done)
      if (count === 0) break
      done += count
    }
    return decodeText(wholeCharacters(bytes.subarray(0, done), limit), path)
  } finally {
    closeSync(file)
  }
}
