// Rows by index and their scatter: TensorFlow.js's kernels, which reject an index outside, and the catalogue's, for
// which −1 means no row. All scatters add in ascending order of the rows (see assembly/gather.ts).
import { MixlabError } from '@mixlab/core'
import { backend_util, util, type TensorInfo } from '@tensorflow/tfjs-core'
import type { CpuBackend } from '../backend.ts'
import { runFallback } from '../fallback.ts'
import { defineKernel } from '../register.ts'
import { bytesOf, stridesOf } from './strided.ts'
import { rowGrain } from './work.ts'

interface Gather {
  readonly x: TensorInfo
  /** Address of int32 row numbers. */
  readonly indices: number
  readonly shape: number[]
  readonly width: number
  readonly size: number
  readonly batch?: number
  readonly outer?: number
  readonly count: number
}

/** out[b, o, i] = x[b, o, indices[b, i]], zeros for an index outside. */
function gather(
  backend: CpuBackend,
  { x, indices, shape, width, size, batch = 1, outer = 1, count }: Gather,
): TensorInfo {
  const out = backend.output(shape, x.dtype)
  const args = [backend.pointer(x), indices, backend.pointer(out), width, size, outer, count]
  backend.run('gatherWords', batch * outer * count, rowGrain(width), ...args)
  return out
}

/** The rows of each key, ascending: addresses of offsets [buckets + 1] and order [n]. */
export function sortByKey(backend: CpuBackend, keys: number, n: number, buckets: number, into?: [number, number]) {
  const [offsets, order] = into ?? [backend.scratch(4 * (buckets + 1)), backend.scratch(4 * n)]
  backend.run('sortByKey', 1, 1, keys, n, buckets, offsets, order, backend.scratch(4 * buckets))
  return { offsets: offsets, order: order }
}

/** out[key] = sum of the rows of dy with that key. */
function scatterAdd(backend: CpuBackend, dy: TensorInfo, keys: number, n: number, out: TensorInfo, rows: number): void {
  const width = rows === 0 ? 0 : util.sizeFromShape(out.shape) / rows
  const { offsets, order } = sortByKey(backend, keys, n, rows)
  const kernel = dy.dtype === 'int32' ? 'addSortedInt' : 'addSortedFloat'
  backend.run(kernel, rows, rowGrain(width), backend.pointer(dy), offsets, order, backend.pointer(out), width)
}

defineKernel('GatherV2', (call) => {
  const { backend, inputs, attrs } = call
  const { x, indices } = inputs as { x: TensorInfo; indices: TensorInfo }
  if (bytesOf(x.dtype) !== 4 || x.dtype === 'string' || x.dtype === 'complex64' || indices.dtype !== 'int32') {
    return runFallback('GatherV2', call)
  }
  const [axis] = util.parseAxisParam(attrs.axis as number, x.shape) as [number]
  const info = backend_util.segment_util.collectGatherOpShapeInfo(
    x,
    indices,
    axis,
    (attrs.batchDims as number | undefined) ?? 0,
  )
  checkIndices(backend, 'GatherV2', indices, info.dimSize)
  const count = info.batchSize === 0 ? 0 : util.sizeFromShape(indices.shape) / info.batchSize
  return gather(backend, {
    x,
    indices: backend.pointer(indices),
    shape: info.outputShape,
    width: info.sliceSize,
    size: info.dimSize,
    batch: info.batchSize,
    outer: info.outerSize,
    count,
  })
})

function checkIndices(backend: CpuBackend, name: string, indices: TensorInfo, size: number): void {
  const values = backend.values(indices)
  const at = values.findIndex((index) => !(index >= 0 && index < size))
  if (at < 0) return
  throw new MixlabError(
    `${name}: the index value ${values[at]} is not in [0, ${size - 1}] (at position ${at} of the indices)`,
  )
}

/** Row numbers of index tuples [count, rank] into the leading axes of `shape`. */
function flattenIndices(
  backend: CpuBackend,
  name: string,
  indices: TensorInfo,
  count: number,
  shape: number[],
): number {
  const rank = indices.shape.at(-1) ?? 1
  const strides = stridesOf(shape.slice(0, rank))
  const keys = backend.scratch(4 * count)
  const axes = strides.flatMap((stride, axis) => [shape[axis]!, stride])
  backend.run('flattenIndices', count, rowGrain(rank), backend.pointer(indices), keys, rank, ...axes)
  const at = backend.viewAt(keys, count, 'int32').indexOf(-1)
  if (at < 0) return keys
  const tuple = backend.values(indices).slice(at * rank, (at + 1) * rank)
  throw new MixlabError(`${name}: index [${[...tuple].join(', ')}] is outside the shape [${shape.join(', ')}]`)
}

defineKernel('GatherNd', (call) => {
  const { backend, inputs } = call
  const { params, indices } = inputs as { params: TensorInfo; indices: TensorInfo }
  if ((params.dtype !== 'float32' && params.dtype !== 'int32') || indices.dtype !== 'int32') {
    return runFallback('GatherNd', call)
  }
  const [shape, count, width] = backend_util.prepareAndValidate(params, indices)
  const size = width === 0 ? 0 : util.sizeFromShape(params.shape) / width
  const keys = flattenIndices(backend, 'gatherND', indices, count, params.shape)
  return gather(backend, { x: params, indices: keys, shape, width, size, count })
})

defineKernel('ScatterNd', (call) => {
  const { backend, inputs, attrs } = call
  const { indices, updates } = inputs as { indices: TensorInfo; updates: TensorInfo }
  const shape = attrs.shape as number[]
  if (
    (updates.dtype !== 'float32' && updates.dtype !== 'int32') ||
    indices.dtype !== 'int32' ||
    indices.shape.length < 2
  ) {
    return runFallback('ScatterNd', call)
  }
  const info = backend_util.calculateShapes(updates, indices, shape)
  const out = backend.output(shape, updates.dtype)
  const rows = info.sliceSize === 0 ? 0 : info.outputSize / info.sliceSize
  const keys = flattenIndices(backend, 'scatterND', indices, info.numUpdates, shape)
  scatterAdd(backend, updates, keys, info.numUpdates, out, rows)
  return out
})

defineKernel('UnsortedSegmentSum', (call) => {
  const { backend, inputs, attrs } = call
  const { x, segmentIds } = inputs as { x: TensorInfo; segmentIds: TensorInfo }
  const plain = x.dtype === 'float32' && segmentIds.dtype === 'int32' && segmentIds.shape.length === 1
  if (!plain) return runFallback('UnsortedSegmentSum', call)
  const segments = attrs.numSegments as number
  const out = backend.output([segments, ...x.shape.slice(1)], 'float32')
  scatterAdd(backend, x, backend.pointer(segmentIds), segmentIds.shape[0]!, out, segments)
  return out
})

defineKernel('OneHot', (call) => {
  const { backend, inputs, attrs } = call
  const { dtype, depth, onValue, offValue } = attrs as {
    dtype: string
    depth: number
    onValue: number
    offValue: number
  }
  const indices = inputs.indices!
  if ((dtype !== 'float32' && dtype !== 'int32') || indices.dtype !== 'int32') return runFallback('OneHot', call)
  const out = backend.output([...indices.shape, depth], dtype)
  const values = dtype === 'float32' ? new Float32Array([onValue, offValue]) : new Int32Array([onValue, offValue])
  const words = new Int32Array(values.buffer)
  const rows = util.sizeFromShape(indices.shape)
  backend.run('oneHotWords', rows, rowGrain(depth), backend.pointer(indices), backend.pointer(out), depth, ...words)
  return out
})

defineKernel('mixlab.GatherRows', ({ backend, inputs }) => {
  const { x, indices } = inputs as { x: TensorInfo; indices: TensorInfo }
  const [size, width] = x.shape as [number, number]
  const count = indices.shape[0]!
  return gather(backend, { x, indices: backend.pointer(indices), shape: [count, width], width, size, count })
})

defineKernel('mixlab.ScatterAddRows', ({ backend, inputs, attrs }) => {
  const { dy, indices } = inputs as { dy: TensorInfo; indices: TensorInfo }
  const rows = attrs.rows as number
  const out = backend.output([rows, dy.shape[1]!], dy.dtype)
  scatterAdd(backend, dy, backend.pointer(indices), indices.shape[0]!, out, rows)
  return out
})

defineKernel('mixlab.GatherColumns', ({ backend, inputs }) => {
  const { x, indices } = inputs as { x: TensorInfo; indices: TensorInfo }
  const [rows, k] = indices.shape as [number, number]
  const out = backend.output([rows, k], 'float32')
  const pointers = [x, indices, out].map((info) => backend.pointer(info))
  backend.run('gatherColumns', rows, rowGrain(k), ...pointers, x.shape[1]!, k)
  return out
})

defineKernel('mixlab.ScatterColumns', ({ backend, inputs, attrs }) => {
  const { dy, indices } = inputs as { dy: TensorInfo; indices: TensorInfo }
  const [rows, k] = indices.shape as [number, number]
  const size = attrs.size as number
  const out = backend.output([rows, size], 'float32')
  const pointers = [dy, indices, out].map((info) => backend.pointer(info))
  backend.run('scatterColumns', rows, rowGrain(size), ...pointers, size, k)
  return out
})
