// Memory of small tensors that come from the host, scalars above all. The host writes without waiting for the jobs that are
// under way: a block is used again only when the jobs that were published before it was freed are done.

export const hostBlockBytes = 64
const blockCount = 1024
export const hostBytes = hostBlockBytes * blockCount

/** Jobs that were ever published, and that are done. */
export interface Progress {
  published(): number
  completed(): number
}

export interface HostBlocks {
  /** Address of a block that no job reads; undefined where there is none. */
  take(): number | undefined
  give(address: number): void
  has(address: number): boolean
  /** Blocks that are taken. */
  taken(): number
}

export function createHostBlocks(start: number, { published, completed }: Progress): HostBlocks {
  // Freed blocks, first in, first out, and how many jobs had been published by then.
  const blocks = Float64Array.from({ length: blockCount }, (_, i) => start + i * hostBlockBytes)
  const jobs = new Float64Array(blockCount)
  let [first, free] = [0, blockCount]
  return {
    take() {
      if (free === 0) return undefined
      const at = first % blockCount
      if (jobs[at]! > completed()) return undefined
      first++
      free--
      return blocks[at]!
    },
    give(address) {
      const at = (first + free++) % blockCount
      blocks[at] = address
      jobs[at] = published()
    },
    has: (address) => address >= start && address < start + hostBytes,
    taken: () => blockCount - free,
  }
}
