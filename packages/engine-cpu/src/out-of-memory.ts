// What is said when the memory runs out: how much was asked for and for what, what is allocated and by which tensors, and
// why it does not fit where the numbers alone would let one think that it does.
import { formatBytes, MixlabError } from '@mixlab/core'
import { blockSize } from './allocator.ts'
import type { MemoryLimit } from './memory.ts'

/** A live tensor, as far as its memory is concerned. */
export interface HeldTensor {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly bytes: number
}

export interface Shortage {
  /** What was asked for. */
  readonly bytes: number
  /** For what, e.g. `float32 [64, 1024]`. */
  readonly purpose: string
  readonly tensors: Iterable<HeldTensor>
  /** Bytes of all blocks: tensors and scratch. */
  readonly allocated: number
  /** Of the memory as far as it has grown, allocated or not. */
  readonly reserved: number
  readonly largestFree: number
  /** What the limit leaves for blocks: the kernels' constants and the threads' control block take some of it. */
  readonly available: number
  readonly limit: MemoryLimit
}

/** How many groups of tensors are named. */
const named = 4

export const tensorName = (dtype: string, shape: readonly number[]): string => `${dtype} [${shape.join(', ')}]`

interface Group {
  readonly name: string
  count: number
  bytes: number
}

/** Tensors of the same type and shape together, those that hold most first. Bytes are those of their blocks. */
function grouped(tensors: Iterable<HeldTensor>): Group[] {
  const groups = new Map<string, Group>()
  for (const { dtype, shape, bytes } of tensors) {
    const name = tensorName(dtype, shape)
    const group = groups.get(name)
    if (group) {
      group.count++
      group.bytes += blockSize(bytes)
    } else groups.set(name, { name, count: 1, bytes: blockSize(bytes) })
  }
  return [...groups.values()].toSorted((a, b) => b.bytes - a.bytes)
}

const total = (groups: readonly Group[], key: 'count' | 'bytes'): number =>
  groups.reduce((sum, group) => sum + group[key], 0)

/** ` (24 × float32 [64, 1024] 6.4 MB, 3 other tensors 1.2 kB, scratch 33.6 MB)`. */
function holders(tensors: Iterable<HeldTensor>, allocated: number): string {
  const groups = grouped(tensors)
  const parts = groups.slice(0, named).map(({ name, count, bytes }) => `${count} × ${name} ${formatBytes(bytes)}`)
  const others = groups.slice(named)
  const count = total(others, 'count')
  if (count > 0) parts.push(`${count} other tensor${count === 1 ? '' : 's'} ${formatBytes(total(others, 'bytes'))}`)
  const scratch = allocated - total(groups, 'bytes')
  if (scratch > 0) parts.push(`scratch ${formatBytes(scratch)}`)
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}

/** Why there is nothing although the limit leaves as much: the reader would look for a mistake in the numbers. */
function reason({ bytes, allocated, reserved, largestFree, available }: Shortage): string {
  const size = blockSize(bytes)
  if (allocated + size > available) return ''
  if (largestFree + available - reserved >= size) return `; the machine gives no more than ${formatBytes(reserved)}`
  return `; what is free is in pieces, the largest of ${formatBytes(largestFree)}`
}

export function outOfMemory(shortage: Shortage): MixlabError {
  const { bytes, purpose, tensors, allocated, limit } = shortage
  const most = `${formatBytes(limit.bytes)} (${limit.setBy ?? '4 GiB, all that 32-bit addresses reach'})`
  return new MixlabError(
    `the cpu engine is out of memory: ${formatBytes(bytes)} asked for (${purpose}), ` +
      `${formatBytes(allocated)} allocated${holders(tensors, allocated)} of at most ${most}${reason(shortage)}; ` +
      `use a smaller batch, context or model${limit.setBy === undefined ? '' : ', or raise the limit'}`,
    { code: 'out-of-memory' },
  )
}
