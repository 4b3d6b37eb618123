// The engine as the registry of @mixlab/tensor sees it: whether this machine can run it, how it starts, what it has.
import { engine, findBackend, registerBackend, removeBackend, setBackend } from '@tensorflow/tfjs-core'
import { MixlabError } from '@mixlab/core'
import type { Availability, Engine, RunningEngine } from '@mixlab/tensor'
import { backendName, CpuBackend } from './backend.ts'
import { listKernels, registerFallbacks } from './fallback.ts'
import { kernelModule } from './kernel-module.ts'
import './kernels/index.ts'
import { nativeProducts } from './native/products.ts'

/** The running backend; undefined before the engine was started. */
export function runningBackend(): CpuBackend | undefined {
  const backend: unknown = engine().registryFactory[backendName] ? findBackend(backendName) : undefined
  return backend instanceof CpuBackend ? backend : undefined
}

export const cpuEngine: Engine = {
  name: 'cpu',
  summary: 'WebAssembly SIMD kernels on worker threads; any machine, nothing to install',

  /** Compiles the kernels: the one thing that an old runtime, or a workspace that was not built, cannot do. */
  async available(): Promise<Availability> {
    try {
      kernelModule()
      const native = nativeProducts()
      const products = typeof native === 'string' ? `no machine code: ${native}` : 'products in AVX-512 machine code'
      return { ok: true, detail: `WebAssembly SIMD on ${process.arch}, Node ${process.versions.node}; ${products}` }
    } catch (error) {
      if (MixlabError.is(error)) return { ok: false, reason: error.message }
      throw error
    }
  },

  /** Makes the engine TensorFlow.js's active backend. Throws MixlabError for a bad MIXLAB_THREADS or an old runtime. */
  async start(): Promise<RunningEngine> {
    const running = runningBackend()
    if (!running || running.disposed) {
      const started = new CpuBackend()
      if (running) removeBackend(backendName)
      registerFallbacks()
      registerBackend(backendName, () => started, 0)
    }
    await setBackend(backendName)
    const backend = runningBackend()!
    return {
      name: 'cpu',
      backendName,
      threads: backend.threads(),
      describe: () => ({
        kernels: backend.native() === true ? 'WebAssembly SIMD, products in AVX-512' : 'WebAssembly SIMD',
        threads: backend.threads(),
        nativeKernels: listKernels().filter(({ native }) => native).length,
      }),
      /** Live tensors of TensorFlow.js; bytes of their blocks, and of the memory behind them. */
      memory() {
        const { allocatedBytes, reservedBytes } = backend.usage()
        return { tensors: engine().memory().numTensors, bytes: allocatedBytes, reserved: reservedBytes }
      },
      kernels: listKernels,
    }
  },
}
