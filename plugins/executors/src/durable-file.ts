// Files that an executor must find again after any crash: written aside, synced, renamed.
import { mkdir, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

let count = 0

/** Readable by nobody else: what a job's environment holds may be a password. Its folder is made where missing. */
export async function writeDurably(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const temporary = `${path}.${process.pid}-${count++}.tmp`
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}
