// Hands out 64-byte aligned blocks of the shared memory. Sizes are rounded up to classes (at most 1/8 larger), each
// class keeps its free blocks in a stack, and so the buffers of one training step are exactly those of the one before.
// Free blocks are merged with their neighbours only when a request cannot be met otherwise.

const alignment = 64
/** Never handed out, so that a vector load at the end of the last block stays inside the memory. */
export const guardBytes = 128
const leastGrowth = 16 << 20

export interface AllocatorOptions {
  readonly start: number
  readonly end: number
  /** Tries to extend the region to at least `end`; returns the end it has now. */
  extend(end: number): number
}

export interface Allocator {
  /** Address of a new block of at least this many bytes; undefined when there is none, and then nothing has changed. */
  allocate(bytes: number): number | undefined
  /** Gives a block back. Throws for an address that is not allocated: a block cannot be freed twice. */
  release(address: number): void
  /** Sum of the sizes of all allocated blocks. */
  allocatedBytes(): number
  /** Bytes of the region, allocated or not. */
  reservedBytes(): number
  /** The largest block that there is without extending the region. */
  largestFreeBytes(): number
}

/** The block size for a request: multiples of 64 up to 1 KiB, above that 8 steps for each power of two. */
export function blockSize(bytes: number): number {
  if (bytes <= 1024) return Math.max(alignment, Math.ceil(bytes / alignment) * alignment)
  const step = 2 ** (Math.floor(Math.log2(bytes - 1)) - 3)
  return Math.ceil(bytes / step) * step
}

interface Run {
  address: number
  size: number
}

export function createAllocator({ start, end: firstEnd, extend }: AllocatorOptions): Allocator {
  const first = Math.ceil(start / alignment) * alignment
  let end = firstEnd
  let top = first
  let allocated = 0
  let binned = 0
  const sizes = new Map<number, number>()
  const bins = new Map<number, number[]>()
  let runs: Run[] = []

  function fromRuns(size: number): number | undefined {
    const at = runs.findIndex((run) => run.size >= size)
    const run = runs[at]
    if (run === undefined) return undefined
    const address = run.address
    run.address += size
    run.size -= size
    if (run.size === 0) runs.splice(at, 1)
    return address
  }

  function fromTop(size: number): number | undefined {
    if (top + size > end - guardBytes) return undefined
    top += size
    return top - size
  }

  /** Turns all free blocks into as few free runs as there can be. */
  function merge(): void {
    const blocks = [
      ...runs,
      ...bins.entries().flatMap(([size, addresses]) => addresses.map((address) => ({ address, size }))),
    ]
    bins.clear()
    binned = 0
    runs = []
    for (const block of blocks.toSorted((a, b) => a.address - b.address)) {
      const last = runs.at(-1)
      if (last && last.address + last.size === block.address) last.size += block.size
      else runs.push({ ...block })
    }
    const last = runs.at(-1)
    if (last && last.address + last.size === top) {
      top = last.address
      runs.pop()
    }
  }

  function afterGrowth(size: number): number | undefined {
    const needed = top + size + guardBytes
    for (const goal of [Math.max(needed, end + leastGrowth, end * 1.5), needed]) {
      end = extend(goal)
      if (end >= needed) return fromTop(size)
    }
    return undefined
  }

  function find(size: number): number | undefined {
    const direct = fromRuns(size) ?? fromTop(size)
    if (direct !== undefined) return direct
    if (binned >= Math.max(size, (end - first) / 4)) {
      merge()
      const merged = fromRuns(size) ?? fromTop(size)
      if (merged !== undefined) return merged
    }
    const grown = afterGrowth(size)
    if (grown !== undefined) return grown
    merge()
    return fromRuns(size) ?? fromTop(size)
  }

  return {
    allocate(bytes) {
      // A size that is no number would corrupt the lists of free blocks.
      if (!(bytes >= 0)) throw new Error(`cannot allocate ${bytes} bytes`)
      const size = blockSize(bytes)
      const reused = bins.get(size)?.pop()
      if (reused !== undefined) binned -= size
      const address = reused ?? find(size)
      if (address === undefined) return undefined
      sizes.set(address, size)
      allocated += size
      return address
    },
    release(address) {
      const size = sizes.get(address)
      if (size === undefined) throw new Error(`address ${address} is not allocated`)
      sizes.delete(address)
      allocated -= size
      binned += size
      const bin = bins.get(size)
      if (bin) bin.push(address)
      else bins.set(size, [address])
    },
    allocatedBytes: () => allocated,
    reservedBytes: () => end - first,
    largestFreeBytes() {
      merge()
      return runs.reduce((largest, { size }) => Math.max(largest, size), Math.max(0, end - guardBytes - top))
    },
  }
}
