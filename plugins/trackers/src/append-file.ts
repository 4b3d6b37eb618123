// A file that grows by what is delivered. How long it was after the last delivery that succeeded stands in the run's
// state: what a delivery that failed left behind it is cut off before the next one.
import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { diskProblem } from '@mixlab/core'

/** Replaces what the file holds beyond `keep` bytes. @returns its new length */
export async function appendAt(path: string, keep: number, data: Uint8Array): Promise<number> {
  try {
    await mkdir(dirname(path), { recursive: true })
    const file = await open(path, keep === 0 ? 'w' : 'r+')
    try {
      await file.truncate(keep)
      await file.write(data, 0, data.length, keep)
      await file.sync()
      return keep + data.length
    } finally {
      await file.close()
    }
  } catch (error) {
    throw diskProblem(path, error)
  }
}
