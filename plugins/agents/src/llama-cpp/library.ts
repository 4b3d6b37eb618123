// node-llama-cpp, where it is installed: an optional peer, whose binaries for GPUs take hundreds of megabytes. Loaded when
// the first model is, never built here.
import { MixlabError } from '@mixlab/core'
import type { Llama } from 'node-llama-cpp'

export type Library = typeof import('node-llama-cpp')

export const gpus = ['auto', 'cuda', 'vulkan', 'metal'] as const
export type Gpu = (typeof gpus)[number] | false

export async function loadLibrary(): Promise<Library> {
  try {
    return await import('node-llama-cpp')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new MixlabError('agent llama-cpp needs the package node-llama-cpp: npm install node-llama-cpp', {
      code: 'missing-package',
      cause: error,
    })
  }
}

/** The library's runtimes by GPU: each starts threads and devices once in a process. */
const runtimes = new Map<Gpu, Promise<Llama>>()

export function startRuntime(library: Library, gpu: Gpu): Promise<Llama> {
  let runtime = runtimes.get(gpu)
  if (!runtime) {
    const { getLlama, LlamaLogLevel, NoBinaryFoundError } = library
    const options = {
      build: 'never',
      skipDownload: true,
      logLevel: LlamaLogLevel.disabled,
      progressLogs: false,
    } as const
    runtime = getLlama({ ...options, gpu }).catch((error: unknown) => {
      runtimes.delete(gpu)
      if (!(error instanceof NoBinaryFoundError)) throw error
      const wanted = gpu === false || gpu === 'auto' ? '' : ` with ${gpu}`
      throw new MixlabError(
        `agent llama-cpp: node-llama-cpp has no binary for this machine${wanted}: install it without leaving out optional dependencies, set gpu to false, or run npx node-llama-cpp source download`,
        { code: 'missing-binary', cause: error },
      )
    })
    runtimes.set(gpu, runtime)
  }
  return runtime
}
