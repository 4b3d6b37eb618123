// Kernels that the engine lacks run as TensorFlow.js's own JavaScript kernels. Each call gets a JavaScript backend of
// its own that lives as long as the call: inputs are lent to it as views, results are copied back, and nothing can
// leak. That backend is never the active one of TensorFlow.js.
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu'
import {
  getKernel,
  getKernelsForBackend,
  type BackendValues,
  type KernelFunc,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  type TensorInfo,
} from '@tensorflow/tfjs-core'
import { backendName, type CpuBackend } from './backend.ts'
import { nativeKernels, registerRun, type KernelCall } from './register.ts'

/** TensorFlow.js's own, as they were when they were first wanted: a name can be given to others later. */
const javascriptKernels = new Map<string, KernelFunc>()

const javascriptKernel = (kernelName: string): KernelFunc => {
  const kernel = javascriptKernels.get(kernelName) ?? getKernel(kernelName, 'cpu')?.kernelFunc
  if (!kernel) throw new Error(`TensorFlow.js has no JavaScript kernel ${kernelName}`)
  return kernel
}

/** Runs TensorFlow.js's JavaScript kernel of that name on the call's data. */
export function runFallback(kernelName: string, { backend, inputs, attrs }: KernelCall): TensorInfo | TensorInfo[] {
  const javascript = new MathBackendCPU()
  // else its first use prints a banner
  Object.assign(javascript, { firstUse: false })
  const lend = (info: TensorInfo): TensorInfo => lendTensor(backend, javascript, info)
  // An input is a tensor, a list of them (ragged tensors), or absent.
  const lendInput = (input: TensorInfo | TensorInfo[] | null | undefined) =>
    Array.isArray(input) ? input.map(lend) : input ? lend(input) : input
  const lent = Array.isArray(inputs)
    ? (inputs as TensorInfo[]).map(lend)
    : Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, lendInput(input)]))
  const results = javascriptKernel(kernelName)({
    inputs: lent as NamedTensorInfoMap,
    backend: javascript,
    attrs: attrs as NamedAttrMap,
  })
  return Array.isArray(results)
    ? results.map((info) => takeBack(backend, javascript, info))
    : takeBack(backend, javascript, results)
}

function lendTensor(backend: CpuBackend, javascript: MathBackendCPU, info: TensorInfo): TensorInfo {
  const { shape, dtype } = info
  if (dtype === 'complex64') {
    const { real, imag } = backend.complexParts(info)
    const parts = [real, imag].map((part) => lendTensor(backend, javascript, { ...part, shape }))
    const inputs = { real: parts[0]!, imag: parts[1]! }
    return javascriptKernel('Complex')({ inputs, backend: javascript, attrs: {} }) as TensorInfo
  }
  const values: BackendValues = backend.strings(info) ?? backend.values(info)
  // Some of TensorFlow.js's kernels (dilation's gradients) read a tensor's rank, which its type does not promise.
  const lent = { dataId: javascript.write(values, shape, dtype), shape, dtype, rank: shape.length }
  return lent
}

function takeBack(backend: CpuBackend, javascript: MathBackendCPU, { dataId, shape, dtype }: TensorInfo): TensorInfo {
  const { values, complexTensorInfos } = javascript.data.get(dataId)
  if (!complexTensorInfos) return { dataId: backend.write(values as BackendValues, shape, dtype), shape, dtype }
  const { real, imag } = complexTensorInfos
  const parts = [real, imag].map((part) => takeBack(backend, javascript, { ...part, shape }))
  const complex = backend.complex(parts[0]!, parts[1]!)
  for (const part of parts) backend.release(part)
  return complex
}

/** Registers the JavaScript kernel for every kernel of TensorFlow.js that has no native one by now. */
export function registerFallbacks(): void {
  for (const { kernelName, kernelFunc } of getKernelsForBackend('cpu')) {
    javascriptKernels.set(kernelName, kernelFunc)
    // the catalogue's references are compositions: their parts are kernels, they are none
    if (kernelName.startsWith('mixlab.') || getKernel(kernelName, backendName)) continue
    registerRun(kernelName, (call) => runFallback(kernelName, call))
  }
}

/** Every kernel the engine can run, by name, and whether it is the engine's own. */
export function listKernels(): { name: string; native: boolean }[] {
  return getKernelsForBackend(backendName)
    .map(({ kernelName }) => ({ name: kernelName, native: nativeKernels.has(kernelName) }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}
