// TensorFlow.js's kernels that move elements: each works out two walks and leaves the copying to strided.ts.
import { backend_util, slice_util, util, type TensorInfo } from '@tensorflow/tfjs-core'
import type { CpuBackend } from '../backend.ts'
import { runFallback } from '../fallback.ts'
import { defineKernel, type KernelRun } from '../register.ts'
import { fillTensor } from './fill.ts'
import { bytesOf, copyStrided, stridesOf, transpose } from './strided.ts'

/** Registers a kernel for real tensors; strings and complex numbers go to the fallback. */
function defineCopy(name: string, run: KernelRun): void {
  defineKernel(name, (call) => {
    const isReal = Object.values(call.inputs).every(({ dtype }) => dtype !== 'string' && dtype !== 'complex64')
    return isReal ? run(call) : runFallback(name, call)
  })
}

defineCopy('Transpose', ({ backend, inputs: { x }, attrs }) => transpose(backend, x!, attrs.perm as number[]))

defineKernel('ExpandDims', ({ backend, inputs: { input }, attrs }) => {
  const { shape } = input!
  const given = attrs.dim as number
  util.assert(
    given >= -(shape.length + 1) && given <= shape.length,
    () => `no axis ${given} in rank ${shape.length} + 1`,
  )
  return backend.alias(input!, shape.toSpliced(given < 0 ? shape.length + given + 1 : given, 0, 1))
})

/** x[begin … begin + step·size) along every axis, as `shape`. */
function cut(
  backend: CpuBackend,
  x: TensorInfo,
  begin: readonly number[],
  size: readonly number[],
  steps: readonly number[] = size.map(() => 1),
  shape: readonly number[] = size,
): TensorInfo {
  const y = backend.output(shape, x.dtype)
  const sources = stridesOf(x.shape)
  const targets = stridesOf(size)
  const offset = begin.reduce((sum, start, axis) => sum + start * sources[axis]!, 0) * bytesOf(x.dtype)
  const axes = size.map((count, i) => ({ size: count, source: sources[i]! * steps[i]!, target: targets[i]! }))
  copyStrided(backend, backend.pointer(x) + offset, backend.pointer(y), x.dtype, axes)
  return y
}

defineCopy('Slice', ({ backend, inputs: { x }, attrs }) => {
  const [begin, size] = slice_util.parseSliceParams(x!, attrs.begin as number[], attrs.size as number[]) as [
    number[],
    number[],
  ]
  slice_util.assertParamsValid(x!, begin, size)
  return cut(backend, x!, begin, size)
})

defineCopy('StridedSlice', ({ backend, inputs: { x }, attrs }) => {
  const masks = ['beginMask', 'endMask', 'ellipsisMask', 'newAxisMask', 'shrinkAxisMask'] as const
  const [beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask] = masks.map((name) => attrs[name] as number)
  const info = slice_util.sliceInfo(
    x!.shape,
    attrs.begin as number[],
    attrs.end as number[],
    attrs.strides as number[],
    beginMask!,
    endMask!,
    ellipsisMask!,
    newAxisMask!,
    shrinkAxisMask!,
  )
  if (info.isIdentity) return backend.alias(x!, info.finalShape)
  // not info.finalShapeSparse, which lacks the axes that shrink
  const size = slice_util.computeOutShape(info.begin, info.end, info.strides).map((count) => Math.max(0, count))
  return cut(backend, x!, info.begin, size, info.strides, info.finalShape)
})

defineCopy('SplitV', ({ backend, inputs: { x }, attrs }) => {
  const [axis] = util.parseAxisParam(attrs.axis as number, x!.shape) as [number]
  const begin = x!.shape.map(() => 0)
  return backend_util.prepareSplitSize(x as never, attrs.numOrSizeSplits as number[], axis).map((count) => {
    const part = cut(backend, x!, begin, x!.shape.with(axis, count))
    begin[axis]! += count
    return part
  })
})

defineCopy('Unpack', ({ backend, inputs: { value }, attrs }) => {
  const [axis] = util.parseAxisParam(attrs.axis as number, value!.shape) as [number]
  const shape = value!.shape.toSpliced(axis, 1)
  const ones = value!.shape.map(() => 1)
  return Array.from({ length: value!.shape[axis]! }, (_, i) =>
    cut(backend, value!, ones.map(() => 0).with(axis, i), value!.shape.with(axis, 1), ones, shape),
  )
})

/** Puts tensors, seen in the given shapes, one after the other along an axis. */
function join(backend: CpuBackend, parts: readonly TensorInfo[], shapes: number[][], axis: number, shape: number[]) {
  const y = backend.output(shape, parts[0]!.dtype)
  const targets = stridesOf(backend_util.computeOutShape(shapes, axis))
  let offset = 0
  for (const [i, part] of parts.entries()) {
    const sources = stridesOf(shapes[i]!)
    const axes = shapes[i]!.map((size, j) => ({ size, source: sources[j]!, target: targets[j]! }))
    const target = backend.pointer(y) + offset * targets[axis]! * bytesOf(y.dtype)
    copyStrided(backend, backend.pointer(part), target, y.dtype, axes)
    offset += shapes[i]![axis]!
  }
  return y
}

defineCopy('Concat', (call) => {
  const { backend, attrs } = call
  const parts = Object.values(call.inputs)
  if (parts.some(({ dtype }) => bytesOf(dtype) !== bytesOf(parts[0]!.dtype))) return runFallback('Concat', call)
  const [axis] = util.parseAxisParam(attrs.axis as number, parts[0]!.shape) as [number]
  const shapes = parts.map(({ shape }) => shape)
  backend_util.assertParamsConsistent(shapes, axis)
  return join(backend, parts, shapes, axis, backend_util.computeOutShape(shapes, axis))
})

defineCopy('Pack', ({ backend, inputs, attrs }) => {
  const parts = Object.values(inputs)
  const { shape, dtype } = parts[0]!
  for (const part of parts) {
    util.assertShapesMatch(shape, part.shape, 'All tensors passed to stack must have matching shapes')
    util.assert(dtype === part.dtype, () => 'All tensors passed to stack must have matching dtypes')
  }
  const given = attrs.axis as number
  const axis = given < 0 ? given + shape.length + 1 : given
  const shapes = parts.map(() => shape.toSpliced(axis, 0, 1))
  return join(backend, parts, shapes, axis, shape.toSpliced(axis, 0, parts.length))
})

defineCopy('PadV2', ({ backend, inputs: { x }, attrs }) => {
  const paddings = attrs.paddings as [number, number][]
  const shape = paddings.map(([before, after], axis) => before + x!.shape[axis]! + after)
  const y = backend.output(shape, x!.dtype)
  if (paddings.some(([before, after]) => before + after > 0)) fillTensor(backend, y, attrs.constantValue as number)
  const sources = stridesOf(x!.shape)
  const targets = stridesOf(shape)
  const offset = paddings.reduce((sum, [before], axis) => sum + before * targets[axis]!, 0) * bytesOf(x!.dtype)
  const axes = x!.shape.map((size, i) => ({ size, source: sources[i]!, target: targets[i]! }))
  copyStrided(backend, backend.pointer(x!), backend.pointer(y) + offset, x!.dtype, axes)
  return y
})

defineCopy('Tile', ({ backend, inputs: { x }, attrs }) => {
  const reps = attrs.reps as number[]
  const shape = x!.shape.map((size, axis) => size * reps[axis]!)
  const y = backend.output(shape, x!.dtype)
  const sources = stridesOf(x!.shape)
  const targets = stridesOf(shape)
  const axes = x!.shape.flatMap((size, i) => [
    { size: reps[i]!, source: 0, target: size * targets[i]! },
    { size, source: sources[i]!, target: targets[i]! },
  ])
  copyStrided(backend, backend.pointer(x!), backend.pointer(y), x!.dtype, axes)
  return y
})

defineCopy('Reverse', ({ backend, inputs: { x }, attrs }) => {
  const { shape, dtype } = x!
  if (shape.length === 0) return backend.alias(x!, shape)
  const turned = new Set(util.parseAxisParam(attrs.dims as number[], shape))
  const y = backend.output(shape, dtype)
  const strides = stridesOf(shape)
  const start = shape.reduce((sum, size, i) => (turned.has(i) ? sum + (size - 1) * strides[i]! : sum), 0)
  const axes = shape.map((size, i) => ({
    size,
    source: turned.has(i) ? -strides[i]! : strides[i]!,
    target: strides[i]!,
  }))
  copyStrided(backend, backend.pointer(x!) + start * bytesOf(dtype), backend.pointer(y), dtype, axes)
  return y
})
