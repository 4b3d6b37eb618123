// Artifacts on a file system that this process sees: `file:` URIs and plain paths, as a server started without
// `--artifacts-destination` hands out. Files appear whole or not at all: written beside their place, synced, renamed.
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { MlflowError } from '../errors.ts'
import { type ArtifactStore, join } from './store.ts'

export const localStore = (artifactUri: string): ArtifactStore => {
  const root = artifactUri.startsWith('file:') ? fileURLToPath(artifactUri) : resolve(artifactUri)
  const place = (path: string): string => resolve(root, path)
  return {
    async *list(path) {
      const entries = await readdir(place(path), { withFileTypes: true }).catch(() => [])
      for (const { name } of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
        const found = await stat(place(join(path, name)))
        yield {
          path: join(path, name),
          isFolder: found.isDirectory(),
          size: found.isDirectory() ? undefined : found.size,
        }
      }
    },
    async write(path, body, { signal }) {
      await writeWhole(
        place(path),
        typeof body === 'string' || body instanceof Uint8Array ? Readable.from([body]) : body.open(),
        signal,
      )
    },
    async read(path, consume) {
      const file = place(path)
      if (!(await stat(file).catch(() => undefined))?.isFile())
        throw new MlflowError(
          'RESOURCE_DOES_NOT_EXIST',
          `there is no artifact file "${path}" in ${root}; list the run's artifacts to see what there is`,
        )
      return consume(createReadStream(file))
    },
    async delete(path) {
      await rm(place(path), { recursive: true, force: true })
    },
  }
}

/** Streams into a file that appears, under its name, only when it is whole and on disk. */
export const writeWhole = async (file: string, content: Readable, signal?: AbortSignal): Promise<void> => {
  await mkdir(dirname(file), { recursive: true })
  const part = `${file}.${process.pid}-${Math.random().toString(36).slice(2, 10)}.part`
  try {
    await pipeline(content, createWriteStream(part), { ...(signal && { signal }) })
    const handle = await open(part)
    await handle.sync().finally(() => handle.close())
    await rename(part, file)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}
