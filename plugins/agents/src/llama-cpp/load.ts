// A GGUF file in memory with a context of several sequences, which are evaluated in one batch. Agents that ask for the same
// file in the same way share it; it is freed when the last of them is.
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { MixlabError } from '@mixlab/core'
import type { Llama, LlamaContext, LlamaContextSequence, LlamaModel } from 'node-llama-cpp'
import { type Gpu, type Library, loadLibrary, startRuntime } from './library.ts'
import { createPool, type Pool } from './pool.ts'

export interface LoadOptions {
  readonly path: string
  /** Tokens of prompt and reply together; default: what the model was trained with, at most 4096. */
  readonly contextSize?: number | undefined
  readonly sequences: number
  readonly gpu: Gpu
  readonly threads?: number | undefined
}

export interface Loaded {
  readonly library: Library
  readonly llama: Llama
  readonly model: LlamaModel
  readonly sequences: Pool<LlamaContextSequence>
  readonly contextSize: number
  /** Of the file's content. */
  readonly hash: string
}

interface Shared {
  users: number
  readonly loading: Promise<Loaded & { readonly context: LlamaContext }>
}

const shared = new Map<string, Shared>()

/** @returns the file in memory, and what gives it back */
export async function acquire(options: LoadOptions): Promise<{ loaded: Loaded; release: () => Promise<void> }> {
  const path = resolve(options.path)
  const key = JSON.stringify({ ...options, path })
  const entry = shared.get(key) ?? { users: 0, loading: load({ ...options, path }) }
  shared.set(key, entry)
  entry.users++
  const release = async (): Promise<void> => {
    if (--entry.users > 0) return
    shared.delete(key)
    const { context, model } = await entry.loading
    await context.dispose()
    await model.dispose()
  }
  try {
    return { loaded: await entry.loading, release }
  } catch (error) {
    shared.delete(key)
    throw error
  }
}

async function load(options: LoadOptions): Promise<Loaded & { readonly context: LlamaContext }> {
  const { path, contextSize, sequences: count, gpu, threads } = options
  const hash = await contentHash(path)
  const library = await loadLibrary()
  const llama = await startRuntime(library, gpu)
  let model: LlamaModel | undefined
  try {
    model = await llama.loadModel({ modelPath: path })
    const context = await model.createContext({
      sequences: count,
      contextSize: contextSize ?? Math.min(model.trainContextSize, 4096),
      ...(threads !== undefined && { threads }),
    })
    const sequences = Array.from({ length: count }, () => context.getSequence())
    return { library, llama, model, context, hash, contextSize: context.contextSize, sequences: createPool(sequences) }
  } catch (error) {
    await model?.dispose()
    throw new MixlabError(`agent llama-cpp: ${path} cannot be loaded: ${(error as Error).message}`, { cause: error })
  }
}

const blocks = 256
const blockBytes = 16_384

/**
 * A hash of the file's length and of 4 MB of it, spread evenly: enough to tell models apart, without reading many gigabytes
 * at each start.
 */
async function contentHash(path: string): Promise<string> {
  const file = await open(path).catch((error: unknown) => {
    throw new MixlabError(`agent llama-cpp: ${path} cannot be read; give the path of a GGUF file`, { cause: error })
  })
  try {
    const { size } = await file.stat()
    const hash = createHash('sha256').update(String(size))
    const step = Math.max(blockBytes, Math.floor(size / blocks))
    const block = new Uint8Array(blockBytes)
    for (let position = 0; position < size; position += step) {
      const { bytesRead } = await file.read(block, 0, blockBytes, position)
      hash.update(block.subarray(0, bytesRead))
    }
    return hash.digest('hex').slice(0, 12)
  } finally {
    await file.close()
  }
}
