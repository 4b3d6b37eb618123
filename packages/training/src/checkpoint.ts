// Checkpoints of a training run: `checkpoints/step-00000500/` with safetensors files and `state.json`, which says what the
// others and itself must hash to. A checkpoint is written into a temporary folder, synced and renamed, so that one that has its
// name is whole; what a kill or a full disk leaves behind is a temporary folder, removed at the next write.
import { createHash } from 'node:crypto'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { MixlabError } from '@mixlab/core'

export const checkpointFormat = 1

/** What a file of a checkpoint is made of: text, or pieces of bytes. */
export type FileContent = string | AsyncIterable<Uint8Array>

interface FileRecord {
  readonly bytes: number
  readonly sha256: string
}

interface Content {
  readonly format: number
  readonly step: number
  readonly state: unknown
  readonly files: Readonly<Record<string, FileRecord>>
}

interface Manifest extends Content {
  /** Of the rest, as JSON without spaces. */
  readonly sha256: string
}

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex')

export interface SavedCheckpoint {
  readonly step: number
  /** The folder's path. */
  readonly path: string
}

const folderName = (step: number): string => `step-${String(step).padStart(8, '0')}`

/** Complete checkpoints below `root`, oldest first. */
export function listCheckpoints(root: string): SavedCheckpoint[] {
  if (!existsSync(root)) return []
  return readdirSync(root)
    .filter((name) => /^step-\d+$/.test(name))
    .map((name) => ({ step: Number(name.slice(5)), path: join(root, name) }))
    .toSorted((a, b) => a.step - b.step)
}

const spaceCodes = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

function writeError(error: unknown, path: string): MixlabError {
  if (MixlabError.is(error)) return error
  const { code, message } = error as NodeJS.ErrnoException
  const reason = spaceCodes.has(code ?? '') ? 'no space left on the disk; free some and resume the run' : message
  return new MixlabError(`the checkpoint ${path} could not be saved (earlier ones are intact): ${reason}`, {
    code: 'checkpoint-failed',
    cause: error,
  })
}

async function writeFile(path: string, content: FileContent): Promise<FileRecord> {
  const hash = createHash('sha256')
  let bytes = 0
  const file = await open(path, 'wx')
  try {
    for await (const piece of typeof content === 'string' ? [new TextEncoder().encode(content)] : content) {
      hash.update(piece)
      // A write may take less than it is given.
      for (let done = 0; done < piece.length;) done += (await file.write(piece, done)).bytesWritten
      bytes += piece.length
    }
    await file.sync()
  } finally {
    await file.close()
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** Makes a rename in a folder survive a power cut; not every system can sync a folder. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r')
    await folder.sync().finally(() => folder.close())
  } catch {
    // Windows cannot open a folder; its renames are journalled.
  }
}

const removeTemporary = async (root: string): Promise<void> => {
  const names = (await readdir(root)).filter((name) => name.startsWith('.step-'))
  await Promise.all(names.map((name) => rm(join(root, name), { recursive: true, force: true })))
}

/**
 * Saves a checkpoint and then removes all but the newest `keep`.
 * @throws MixlabError if it cannot be written whole, e.g. on a full disk; then nothing of it is left and the earlier
 * ones are untouched.
 */
export async function saveCheckpoint(
  root: string,
  step: number,
  files: Readonly<Record<string, FileContent>>,
  state: unknown,
  keep: number | null = null,
): Promise<SavedCheckpoint> {
  const path = join(root, folderName(step))
  const temporary = join(root, `.${folderName(step)}.tmp`)
  try {
    await mkdir(root, { recursive: true })
    await removeTemporary(root)
    await mkdir(temporary)
    const records: Record<string, FileRecord> = {}
    for (const [name, content] of Object.entries(files)) records[name] = await writeFile(join(temporary, name), content)
    const content: Content = { format: checkpointFormat, step, state, files: records }
    const manifest: Manifest = { ...content, sha256: sha256(JSON.stringify(content)) }
    await writeFile(join(temporary, 'state.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
    await syncFolder(temporary)
    await rm(path, { recursive: true, force: true })
    await rename(temporary, path)
    await syncFolder(root)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {})
    throw writeError(error, path)
  }
  if (keep !== null) {
    const old = listCheckpoints(root).slice(0, -keep)
    await Promise.all(old.map((checkpoint) => rm(checkpoint.path, { recursive: true, force: true })))
  }
  return { step, path }
}

const damaged = (path: string, what: string): MixlabError =>
  new MixlabError(`the checkpoint ${path} is corrupt: ${what}; remove that folder to go on from an earlier one`, {
    code: 'corrupt-checkpoint',
  })

function hashOf(path: string): string {
  const hash = createHash('sha256')
  const piece = new Uint8Array(1 << 20)
  const file = openSync(path, 'r')
  try {
    for (let count = readSync(file, piece); count > 0; count = readSync(file, piece)) {
      hash.update(piece.subarray(0, count))
    }
  } finally {
    closeSync(file)
  }
  return hash.digest('hex')
}

function readManifest(path: string): Manifest {
  let manifest: Manifest | null
  try {
    manifest = JSON.parse(readFileSync(join(path, 'state.json'), 'utf8')) as Manifest | null
  } catch (error) {
    const gone = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw damaged(path, gone ? 'state.json is missing' : 'state.json is not JSON')
  }
  if (manifest === null) throw damaged(path, 'state.json is empty')
  if (manifest.format !== checkpointFormat) {
    throw new MixlabError(
      `the checkpoint ${path} has format ${manifest.format}, this version of mixlab reads format ${checkpointFormat}; use the version that wrote it`,
      { code: 'other-version' },
    )
  }
  const { sha256: wanted, ...content } = manifest
  if (sha256(JSON.stringify(content)) !== wanted) throw damaged(path, 'state.json has been changed (SHA-256)')
  return manifest
}

/** A file that is read from its first byte to its last by a function that shows them to `seen` as it goes. */
export interface FileSource {
  /** What the function returns. Throws if the file is not what it should be; what was read must then be thrown away. */
  read<R>(reader: (path: string, seen: (bytes: Uint8Array) => void) => R): R
}

export interface OpenCheckpoint {
  readonly step: number
  readonly state: unknown
  /** The path of a file. */
  file(name: string): string
  /** For reading a file once: it is verified while it is read. */
  source(name: string): FileSource
  /** Verifies the files that have not been, without keeping them. */
  verify(): void
}

/**
 * Reads a checkpoint's state and looks whether its files are there. They are verified when they are read.
 * @throws MixlabError naming the checkpoint if a file is missing or cut, or another version wrote it.
 */
export function readCheckpoint(path: string): OpenCheckpoint {
  const { files, step, state } = readManifest(path)
  const unverified = new Set(Object.keys(files))
  for (const [name, record] of Object.entries(files)) {
    const bytes = statSync(join(path, name), { throwIfNoEntry: false })?.size
    if (bytes === undefined) throw damaged(path, `${name} is missing`)
    if (bytes !== record.bytes) throw damaged(path, `${name} has ${bytes} bytes, expected ${record.bytes}`)
  }
  const check = (name: string, hash: string): void => {
    if (hash !== files[name]?.sha256) throw damaged(path, `${name} has been changed (SHA-256)`)
    unverified.delete(name)
  }
  return {
    step,
    state,
    file: (name) => join(path, name),
    source: (name) => ({
      read(reader) {
        if (!files[name]) throw damaged(path, `it has no ${name}`)
        const hash = createHash('sha256')
        const result = ((): ReturnType<typeof reader> => {
          try {
            return reader(join(path, name), (bytes) => void hash.update(bytes))
          } catch (error) {
            // What cannot be read may have been changed, which says more. Running out of memory says enough.
            if (!(MixlabError.is(error) && error.code === 'out-of-memory')) check(name, hashOf(join(path, name)))
            throw error
          }
        })()
        check(name, hash.digest('hex'))
        return result
      },
    }),
    verify() {
      for (const name of unverified) check(name, hashOf(join(path, name)))
    },
  }
}

/**
 * Reads a checkpoint's state and verifies every file of it.
 * @throws MixlabError naming the checkpoint if a file is missing, cut or changed, or another version wrote it.
 */
export function openCheckpoint(path: string): OpenCheckpoint {
  const checkpoint = readCheckpoint(path)
  checkpoint.verify()
  return checkpoint
}
