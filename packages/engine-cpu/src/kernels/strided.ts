// The one primitive of everything that rearranges: a copy between two walks over memory, given axis by axis. Axes that
// move together are merged first, so that most copies become a few long runs.
import { util, type DataType, type TensorInfo } from '@tensorflow/tfjs-core'
import type { CpuBackend } from '../backend.ts'
import { rowGrain } from './work.ts'

export interface CopyAxis {
  readonly size: number
  /** In elements; 0 repeats, a negative stride goes backwards. */
  readonly source: number
  readonly target: number
}

/** Elements in an item: RUN of assembly/copy.ts. */
const run = 8192
/** Rows of the result in an item: TILE of assembly/copy.ts. */
const tile = 16

export const bytesOf = (dtype: DataType): number => (dtype === 'bool' ? 1 : 4)

/** Copies between byte addresses; axes outermost first. */
export function copyStrided(
  backend: CpuBackend,
  source: number,
  target: number,
  dtype: DataType,
  axes: readonly CopyAxis[],
): void {
  const merged: CopyAxis[] = []
  for (const axis of axes) {
    if (axis.size === 0) return
    if (axis.size === 1) continue
    const outer = merged.at(-1)
    const together = outer?.source === axis.source * axis.size && outer.target === axis.target * axis.size
    if (together) merged[merged.length - 1] = { ...axis, size: axis.size * outer.size }
    else merged.push(axis)
  }
  const inner = merged.pop() ?? { size: 1, source: 1, target: 1 }
  const rows = merged.reduce((count, axis) => count * axis.size, 1)
  const blocks = Math.ceil(inner.size / run)
  const grain = blocks === 1 ? rowGrain(inner.size, run) : 1
  const outer = merged.flatMap((axis) => [axis.size, axis.source, axis.target])
  const step = [inner.source, inner.target]
  const args = [source, target, bytesOf(dtype), inner.size, ...step, blocks, merged.length, ...outer]
  backend.run('copyStrided', rows * blocks, grain, ...args)
}

/** Row-major strides, in elements, with one for the last axis too. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1)
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!
  return strides
}

/** x with its axes in the order `permutation`. */
export function transpose(backend: CpuBackend, x: TensorInfo, permutation: readonly number[]): TensorInfo {
  const shape = permutation.map((axis) => x.shape[axis]!)
  const strides = stridesOf(x.shape)
  const merged = mergePermutation(x.shape, permutation)
  if (merged.length <= 1) return backend.alias(x, shape)
  const y = backend.output(shape, x.dtype)
  if (util.sizeFromShape(shape) === 0) return y
  const swap = lastTwoSwapped(merged)
  if (swap && bytesOf(x.dtype) === 4) {
    const { batch, rows, columns } = swap
    const tiles = Math.ceil(columns / tile)
    const args = [backend.pointer(x), backend.pointer(y), rows, columns, tiles]
    backend.run('transposeWords', batch * tiles, rowGrain(rows * tile, run), ...args)
    return y
  }
  const targets = stridesOf(shape)
  const axes = permutation.map((axis, i) => ({ size: shape[i]!, source: strides[axis]!, target: targets[i]! }))
  copyStrided(backend, backend.pointer(x), backend.pointer(y), x.dtype, axes)
  return y
}

interface Group {
  readonly first: number
  size: number
}

/** The permuted axes in their new order, with those that stay together merged and those of one element left out. */
function mergePermutation(shape: readonly number[], permutation: readonly number[]): Group[] {
  const kept = shape.flatMap((size, axis) => (size === 1 ? [] : [axis]))
  const groups: (Group & { next: number })[] = []
  for (const axis of permutation.filter((candidate) => shape[candidate] !== 1)) {
    const rank = kept.indexOf(axis)
    const last = groups.at(-1)
    if (last?.next === rank) {
      last.size *= shape[axis]!
      last.next++
    } else {
      groups.push({ first: rank, next: rank + 1, size: shape[axis]! })
    }
  }
  return groups
}

/** [batch, rows, columns] if that is what a permutation of groups exchanges the last two of. */
function lastTwoSwapped(groups: readonly Group[]): { batch: number; rows: number; columns: number } | undefined {
  if (groups.length > 3) return undefined
  const [columns, rows] = groups.slice(-2) as [Group, Group]
  const batch = groups.length === 3 ? groups[0]! : { first: -1, size: 1 }
  if (batch.first > rows.first || rows.first > columns.first) return undefined
  return { batch: batch.size, rows: rows.size, columns: columns.size }
}
