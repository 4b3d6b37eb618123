// Changes of type, and what reads booleans: negation and selection.
import { util, type DataType, type TensorInfo } from '@tensorflow/tfjs-core'
import type { CpuBackend } from '../backend.ts'
import { runFallback } from '../fallback.ts'
import { defineKernel } from '../register.ts'
import { mapElements } from './unary.ts'
import { blocks, lightGrain } from './work.ts'

defineKernel('LogicalNot', (call) => {
  return call.inputs.x!.dtype === 'bool' ? mapElements(call, 'notBool') : runFallback('LogicalNot', call)
})

defineKernel('Select', (call) => {
  const { backend, inputs } = call
  const { condition, t, e } = inputs as { condition: TensorInfo; t: TensorInfo; e: TensorInfo }
  const plain =
    t.dtype === e.dtype &&
    (t.dtype === 'float32' || t.dtype === 'int32') &&
    condition.dtype === 'bool' &&
    util.arraysEqual(condition.shape, t.shape) &&
    util.arraysEqual(t.shape, e.shape)
  if (!plain) return runFallback('Select', call)
  const out = backend.output(t.shape, t.dtype)
  const size = util.sizeFromShape(t.shape)
  const pointers = [condition, t, e, out].map((info) => backend.pointer(info))
  backend.run('selectWords', blocks(size), lightGrain, ...pointers, size)
  return out
})

defineKernel('Cast', (call) => {
  const { backend, inputs, attrs } = call
  const x = inputs.x!
  const dtype = attrs.dtype as DataType
  if (dtype === x.dtype) return backend.alias(x, x.shape)
  return castElements(backend, x, dtype) ?? runFallback('Cast', call)
})

/** x as another real type, or undefined where there is no native loop. */
export function castElements(backend: CpuBackend, x: TensorInfo, dtype: DataType): TensorInfo | undefined {
  const casts: Record<string, [kernel: string, one?: number]> = {
    'int32 float32': ['castIntToFloat'],
    'float32 int32': ['castFloatToInt'],
    'bool float32': ['castBoolToWord', 0x3f800000],
    'bool int32': ['castBoolToWord', 1],
    'float32 bool': ['castFloatToBool'],
    'int32 bool': ['castIntToBool'],
  }
  const cast = casts[`${x.dtype} ${dtype}`]
  if (!cast) return undefined
  const y = backend.output(x.shape, dtype)
  const size = util.sizeFromShape(x.shape)
  backend.run(cast[0], blocks(size), lightGrain, backend.pointer(x), backend.pointer(y), size, cast[1] ?? 0)
  return y
}
