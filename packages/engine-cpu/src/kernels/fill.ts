// Tensors of one value.
import { util, type DataType, type TensorInfo } from '@tensorflow/tfjs-core'
import type { CpuBackend } from '../backend.ts'
import { runFallback } from '../fallback.ts'
import { defineKernel } from '../register.ts'

export function fillTensor(backend: CpuBackend, x: TensorInfo, value: number): void {
  if (x.dtype === 'bool') {
    backend.view(x).fill(value)
    return
  }
  const kernel = x.dtype === 'float32' ? 'fillFloat' : 'fillInt'
  // an array of the type converts the value as JavaScript's typed arrays do
  const [converted] = x.dtype === 'float32' ? [value] : new Int32Array([value])
  backend.run(kernel, util.sizeFromShape(x.shape), 16_384, backend.pointer(x), converted!)
}

function filled(backend: CpuBackend, shape: number[], dtype: DataType, value: number): TensorInfo {
  const x = backend.output(shape, dtype)
  fillTensor(backend, x, value)
  return x
}

const isReal = (dtype: DataType): boolean => dtype !== 'string' && dtype !== 'complex64'

defineKernel('Fill', (call) => {
  const { shape, value, dtype } = call.attrs as { shape: number[]; value: number | string; dtype?: DataType }
  const type = dtype ?? util.inferDtype(value)
  return isReal(type) ? filled(call.backend, shape, type, Number(value)) : runFallback('Fill', call)
})

for (const [name, value] of [
  ['ZerosLike', 0],
  ['OnesLike', 1],
] as const) {
  defineKernel(name, (call) => {
    const { shape, dtype } = call.inputs.x!
    return isReal(dtype) ? filled(call.backend, shape, dtype, value) : runFallback(name, call)
  })
}
