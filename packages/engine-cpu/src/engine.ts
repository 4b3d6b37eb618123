// The engine as the registry of @mixlab/tensor sees it: whether this machine can run it, how it starts, what it has.
import { engine, findBackend, registerBackend, removeBackend, setBackend } from '@tensorflow/tfjs-core'
import { formatBytes, MixlabError } from '@mixlab/core'
import type { Availability, Engine, EngineContext, RunningEngine } from '@mixlab/tensor'
import { backendName, CpuBackend } from './backend.ts'
import { blasSetting, blasText } from './blas.ts'
import type { Processor } from './native/executable.ts'
import { listKernels, registerFallbacks } from './fallback.ts'
import { kernelModule } from './kernel-module.ts'
import './kernels/index.ts'
import { memoryFromEnvironment } from './memory.ts'
import { nativeKernels } from './native/registry.ts'
import { Repetition } from './repetition.ts'

/** The running backend; undefined before the engine was started. */
export function runningBackend(): CpuBackend | undefined {
  const backend: unknown = engine().registryFactory[backendName] ? findBackend(backendName) : undefined
  return backend instanceof CpuBackend ? backend : undefined
}

/** A bad MIXLAB_MEMORY is for `start` to refuse: an engine that is not available is one that `auto` passes over. */
function memoryText(): string {
  try {
    const { bytes, setBy } = memoryFromEnvironment()
    return setBy === undefined ? 'up to 4 GiB of memory' : `up to ${formatBytes(bytes)} of memory (${setBy})`
  } catch {
    return 'memory as MIXLAB_MEMORY says'
  }
}

const setName = ({ set, bfloat16, amx }: Processor): string =>
  set === 'avx2' ? 'AVX2' : `AVX-512${amx ? ' with AMX' : bfloat16 ? ' with bfloat16' : ''}`

const nativeText = (processor: Processor): string => {
  const { amx, amxFloat32, withoutAmx } = processor
  const less = amx && !amxFloat32 ? ', of bfloat16 only: cores are shared' : ''
  return `machine code for ${setName(processor)}${less}${withoutAmx === undefined ? '' : `, not AMX: ${withoutAmx}`}`
}

const kernelsName = (native: Processor | string): string =>
  typeof native === 'string' ? 'WebAssembly SIMD' : `${setName(native)}, WebAssembly SIMD`

export const cpuEngine: Engine = {
  name: 'cpu',
  summary: 'WebAssembly SIMD kernels on worker threads; any machine, nothing to install',

  /** Compiles the kernels: the one thing that an old runtime, or a workspace that was not built, cannot do. */
  async available(): Promise<Availability> {
    try {
      kernelModule()
      const native = nativeKernels()
      const machineCode = typeof native === 'string' ? `no machine code: ${native}` : nativeText(native.processor)
      const runtime = `WebAssembly SIMD on ${process.arch}, Node ${process.versions.node}`
      const blas = blasText(blasSetting(typeof native === 'object'))
      return {
        ok: true,
        detail: [runtime, memoryText(), machineCode, ...(blas === undefined ? [] : [blas])].join('; '),
      }
    } catch (error) {
      if (MixlabError.is(error)) return { ok: false, reason: error.message }
      throw error
    }
  },

  /** Makes the engine TensorFlow.js's active backend. Throws MixlabError for a bad MIXLAB_… or an old runtime. */
  async start({ precision }: Partial<EngineContext> = {}): Promise<RunningEngine> {
    const running = runningBackend()
    if (!running || running.disposed) {
      const started = new CpuBackend()
      if (running) removeBackend(backendName)
      registerFallbacks()
      registerBackend(backendName, () => started, 0)
    }
    await setBackend(backendName)
    const backend = runningBackend()!
    if (precision) backend.precision = () => precision().products
    return {
      name: 'cpu',
      backendName,
      threads: backend.threads(),
      precisions: ['float32', 'bf16'],
      describe: () => ({
        kernels: kernelsName(backend.native()),
        ...(backend.blas && { products: backend.blas.name }),
        threads: backend.threads(),
        nativeKernels: listKernels().filter(({ native }) => native).length,
      }),
      /** Live tensors of TensorFlow.js; bytes of their blocks, and of the memory behind them. */
      memory() {
        const { allocatedBytes, reservedBytes } = backend.usage()
        const tensors = engine().memory().numTensors
        return { tensors, bytes: allocatedBytes, reserved: reservedBytes, limit: backend.memoryLimit() }
      },
      require: (bytes, purpose) => backend.require(bytes, purpose),
      kernels: listKernels,
      synchronize: () => backend.synchronize(),
      repeated: (input, f) => new Repetition(backend, input, f),
    }
  },
}
