// Top-k, dispatch, capacity and combination. Whoever is routed where stays in memory: nothing here reads a value.
import { util, type TensorInfo } from '@tensorflow/tfjs-core'
import type { CpuBackend } from '../backend.ts'
import { runFallback } from '../fallback.ts'
import { defineKernel } from '../register.ts'
import { sortByKey } from './gather.ts'
import { blocks, lightGrain, rowGrain } from './work.ts'

/** Words of work memory that each thread needs: SCANNED of assembly/routing.ts. */
const scanned = 1024

/** The k largest along the last axis, descending; ties by lowest index, NaN last. */
function topK(backend: CpuBackend, x: TensorInfo, k: number): TensorInfo[] {
  const size = x.shape.at(-1)!
  const shape = x.shape.with(-1, k)
  const results = [backend.output(shape, x.dtype), backend.output(shape, 'int32')]
  const rows = size === 0 ? 0 : util.sizeFromShape(x.shape) / size
  const pointers = [x, ...results].map((info) => backend.pointer(info))
  const work = backend.scratch(4 * scanned * backend.threads())
  backend.run(x.dtype === 'int32' ? 'topKInt' : 'topKFloat', rows, rowGrain(size, 1024), ...pointers, size, k, work)
  return results
}

defineKernel('mixlab.TopK', ({ backend, inputs: { x }, attrs }) => topK(backend, x!, attrs.k as number))

defineKernel('TopK', (call) => {
  const { backend, inputs, attrs } = call
  const x = inputs.x!
  const isNumber = x.dtype === 'float32' || x.dtype === 'int32'
  return isNumber ? topK(backend, x, attrs.k as number) : runFallback('TopK', call)
})

defineKernel('mixlab.Dispatch', ({ backend, inputs: { members }, attrs }) => {
  const count = attrs.memberCount as number
  const [, k] = members!.shape as [number, number]
  const n = util.sizeFromShape(members!.shape)
  const [rows, offsets, pairs] = [n, count + 1, n].map((size) => backend.output([size], 'int32')) as [
    TensorInfo,
    TensorInfo,
    TensorInfo,
  ]
  sortByKey(backend, backend.pointer(members!), n, count, [backend.pointer(offsets), backend.pointer(pairs)])
  backend.run('pairRows', blocks(n), lightGrain, backend.pointer(pairs), backend.pointer(rows), n, Math.max(1, k))
  return [rows, offsets, pairs]
})

defineKernel('mixlab.Capacity', ({ backend, inputs, attrs }) => {
  const { members, weights } = inputs as { members: TensorInfo; weights: TensorInfo }
  const { memberCount, capacity, by } = attrs as { memberCount: number; capacity: number; by: string }
  const n = util.sizeFromShape(members.shape)
  const kept = backend.output(members.shape, 'int32')
  const [from, to] = [backend.pointer(members), backend.pointer(kept)]
  if (by === 'position') {
    backend.run('capacityByPosition', 1, 1, from, to, n, capacity, backend.scratch(4 * memberCount), memberCount)
    return kept
  }
  const { offsets, order } = sortByKey(backend, from, n, memberCount)
  backend.run('copyBytes', 4 * n, 4 * n, to, from)
  backend.run('capacityByPriority', memberCount, 1, backend.pointer(weights), to, offsets, order, capacity)
  return kept
})

defineKernel('mixlab.Combine', ({ backend, inputs, attrs }) => {
  const { ys, rows, weights } = inputs as { ys: TensorInfo; rows: TensorInfo; weights: TensorInfo }
  const outputRows = attrs.outputRows as number
  const [n, width] = ys.shape as [number, number]
  const y = backend.output([outputRows, width], 'float32')
  const { offsets, order } = sortByKey(backend, backend.pointer(rows), n, outputRows)
  const args = [backend.pointer(ys), backend.pointer(weights), offsets, order, backend.pointer(y), width]
  backend.run('combine', outputRows, rowGrain(width), ...args)
  return y
})

defineKernel('mixlab.CombineGrad', ({ backend, inputs }) => {
  const { dy, ys, rows, weights } = inputs as Record<'dy' | 'ys' | 'rows' | 'weights', TensorInfo>
  const [n, width] = ys.shape as [number, number]
  const results = [backend.output([n, width], 'float32'), backend.output([n], 'float32')]
  const pointers = [dy, ys, rows, weights, ...results].map((info) => backend.pointer(info))
  backend.run('combineGrad', n, rowGrain(width), ...pointers, width, dy.shape[0]!)
  return results
})
