// Artifacts of runs and logged models: files and folders up and down, always streamed. Whichever store holds them, paths
// are checked before use, those that a server lists too, so that no download leaves its folder.
import { createReadStream } from 'node:fs'
import { mkdir, readdir, stat } from 'node:fs/promises'
import { basename, relative, resolve, sep } from 'node:path'
import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { invalid } from '../errors.ts'
import { artifactPath } from '../names.ts'
import type { CallOptions, Rest } from '../rest.ts'
import { type Body, brokenOff } from '../transport.ts'
import { directStore } from './direct.ts'
import { localStore, writeWhole } from './local.ts'
import { proxiedStore } from './proxied.ts'
import {
  type ArtifactInfo,
  type ArtifactOwner,
  type ArtifactStore,
  join,
  type OwnerId,
  type WriteOptions,
} from './store.ts'

export interface FolderOptions extends CallOptions {
  /** Files under way at once (4). */
  readonly concurrency?: number | undefined
}

export type Artifacts = ReturnType<typeof artifacts>

export const artifacts = (rest: Rest, artifactUriOf: (owner: OwnerId, options: CallOptions) => Promise<string>) => {
  // An owner's artifact URI never changes.
  const stores = new Map<string, ArtifactStore>()
  const storeOf = async (owner: ArtifactOwner, options: CallOptions): Promise<ArtifactStore> => {
    const id: OwnerId = typeof owner === 'string' ? { runId: owner } : owner
    const name = id.runId === undefined ? `model ${id.modelId}` : `run ${id.runId}`
    const known = stores.get(name)
    if (known !== undefined) return known
    const store = open(rest, id, await artifactUriOf(id, options))
    stores.set(name, store)
    return store
  }

  const write = async (owner: ArtifactOwner, path: string, body: Body, options: WriteOptions): Promise<void> =>
    (await storeOf(owner, options)).write(filePath(path), body, options)

  const uploadFile = async (
    owner: ArtifactOwner,
    file: string,
    path = basename(file),
    options: CallOptions = {},
  ): Promise<void> => {
    const target = filePath(path)
    const found = await stat(file).catch(() => undefined)
    if (!found?.isFile())
      throw invalid(`${file} ${found ? 'is not a file; folders go by uploadFolder' : 'does not exist'}`)
    await write(owner, target, { open: () => createReadStream(file), length: found.size }, options)
  }

  const downloadFile = async (
    owner: ArtifactOwner,
    path: string,
    file: string,
    options: CallOptions = {},
  ): Promise<void> => {
    const source = filePath(path)
    const store = await storeOf(owner, options)
    await store.read(
      source,
      (content) => writeWhole(file, content, options.signal).catch(rethrowBroken(content)),
      options,
    )
  }

  async function* list(
    owner: ArtifactOwner,
    path = '',
    options: CallOptions = {},
  ): AsyncGenerator<ArtifactInfo, void, undefined> {
    for await (const info of (await storeOf(owner, options)).list(artifactPath(path), options)) {
      artifactPath(info.path)
      yield info
    }
  }

  /** All files below a folder, however deep. */
  async function* files(
    owner: ArtifactOwner,
    path = '',
    options: CallOptions = {},
  ): AsyncGenerator<ArtifactInfo, void, undefined> {
    for await (const info of list(owner, path, options)) {
      if (info.isFolder) yield* files(owner, info.path, options)
      else yield info
    }
  }

  return {
    list,
    files,
    /** Text or bytes that are in memory already. */
    upload: (
      owner: ArtifactOwner,
      path: string,
      content: string | Uint8Array,
      options: CallOptions = {},
    ): Promise<void> => write(owner, path, content, options),
    /** A file, under its own name unless `path` gives another. */
    uploadFile,
    /** What cannot be read twice is sent once: a failure is not retried. Its length, where it is known, saves chunking. */
    uploadStream: (
      owner: ArtifactOwner,
      path: string,
      content: Readable,
      settings: CallOptions & { readonly length?: number | undefined } = {},
    ): Promise<void> =>
      write(
        owner,
        path,
        { open: () => content, length: settings.length },
        { repeat: 'never', signal: settings.signal },
      ),
    /** Everything below a folder, links to files included, into the artifact folder `path`. @returns the artifact paths. */
    async uploadFolder(
      owner: ArtifactOwner,
      folder: string,
      path = '',
      settings: FolderOptions = {},
    ): Promise<string[]> {
      const found = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => {
        throw invalid(`${folder} is not a folder that can be read`)
      })
      const local = found.filter((entry) => !entry.isDirectory()).map((entry) => resolve(entry.parentPath, entry.name))
      const targets = local.map((file) => filePath(join(path, relative(folder, file).split(sep).join('/'))))
      await each(targets.keys(), settings, (index, signal) =>
        uploadFile(owner, local[index]!, targets[index]!, { signal }),
      )
      return targets
    },
    /** To a file that appears only when it is whole. */
    downloadFile,
    /** Everything below the artifact folder `path` into `folder`. @returns the files' paths. */
    async downloadFolder(
      owner: ArtifactOwner,
      path: string,
      folder: string,
      settings: FolderOptions = {},
    ): Promise<string[]> {
      const from = artifactPath(path)
      const written: string[] = []
      await mkdir(folder, { recursive: true })
      await each(files(owner, from, settings), settings, async (info, signal) => {
        const file = resolve(folder, from === '' ? info.path : info.path.slice(from.length + 1))
        await downloadFile(owner, info.path, file, { signal })
        written.push(file)
      })
      return written.toSorted()
    },
    /** A file's content as a stream, which is not resumed if it breaks off. Read it to its end or destroy it. */
    async open(owner: ArtifactOwner, path: string, options: CallOptions = {}): Promise<Readable> {
      const store = await storeOf(owner, options)
      const source = filePath(path)
      const through = new PassThrough()
      return new Promise((fulfil, reject) => {
        let begun = false
        store
          .read(
            source,
            (content) => {
              begun = true
              fulfil(through)
              // Its end, good or bad, is told to the reader; another attempt would begin anew.
              return pipeline(content, through).catch(() => undefined)
            },
            options,
          )
          .catch((error: Error) => (begun ? through.destroy(error) : reject(error)))
      })
    },
    /** A file or a folder with all that is in it. */
    async delete(owner: ArtifactOwner, path: string, options: CallOptions = {}): Promise<void> {
      await (await storeOf(owner, options)).delete(filePath(path), options)
    },
  }
}

const open = (rest: Rest, owner: OwnerId, artifactUri: string): ArtifactStore => {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(artifactUri)?.[1]?.toLowerCase()
  if (scheme === undefined || scheme === 'file') return localStore(artifactUri)
  if (['mlflow-artifacts', 'http', 'https'].includes(scheme)) return proxiedStore(rest, owner, artifactUri)
  return directStore(rest, owner, artifactUri)
}

const filePath = (path: string): string => {
  const plain = artifactPath(path)
  if (plain === '') throw invalid('the artifact path is empty; name a file')
  return plain
}

/** The answer's own end is a broken connection and worth another attempt; a full disk is not. */
const rethrowBroken = (content: Readable) => (error: unknown) => {
  throw content.errored === error ? brokenOff(error) : error
}

/** Works on several items at once; the first failure cancels the others. */
const each = async <T>(
  items: AsyncIterable<T> | Iterable<T>,
  settings: FolderOptions,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> => {
  const failed = new AbortController()
  const signal = settings.signal ? AbortSignal.any([settings.signal, failed.signal]) : failed.signal
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
  const worker = async (): Promise<void> => {
    try {
      for (let step = await iterator.next(); !step.done; step = await iterator.next()) await work(step.value, signal)
    } catch (error) {
      failed.abort(error)
      throw error
    }
  }
  await Promise.all(Array.from({ length: settings.concurrency ?? 4 }, worker))
}
