// How a kernel of TensorFlow.js is tied to the engine: one call per kernel name.
import { registerKernel, type TensorInfo } from '@tensorflow/tfjs-core'
import { backendName, type CpuBackend } from './backend.ts'

export interface KernelCall {
  readonly backend: CpuBackend
  /** By the names that TensorFlow.js or the catalogue gives them; an optional input is absent or null. */
  readonly inputs: Record<string, TensorInfo>
  readonly attrs: Record<string, unknown>
}

export type KernelRun = (call: KernelCall) => TensorInfo | TensorInfo[]

/** Kernels of the engine's own, as opposed to TensorFlow.js's and to references of the catalogue. */
export const nativeKernels = new Set<string>()

/** Registers a native kernel. */
export function defineKernel(kernelName: string, run: KernelRun): void {
  nativeKernels.add(kernelName)
  registerRun(kernelName, run)
}

/** Registers a kernel. Where it throws, e.g. for want of memory, what it has made by then is freed. */
export function registerRun(kernelName: string, run: KernelRun): void {
  registerKernel({
    kernelName,
    backendName,
    kernelFunc: ({ inputs, backend, attrs }) => {
      const cpu = backend as CpuBackend
      return cpu.call(run, { backend: cpu, inputs: inputs as Record<string, TensorInfo>, attrs: attrs ?? {} })
    },
  })
}
