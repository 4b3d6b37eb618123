// The memory of tensors: which of them has which block, who is told when there is none left, and what kernels take for
// themselves while they run.
import type { DataType } from '@tensorflow/tfjs-core'
import type { MixlabError } from '@mixlab/core'
import { createAllocator, guardBytes } from './allocator.ts'
import { createHostBlocks, hostBlockBytes, hostBytes, type HostBlocks, type Progress } from './host-blocks.ts'
import type { SharedMemory } from './memory.ts'
import { outOfMemory, tensorName } from './out-of-memory.ts'

/** A tensor's data as far as its memory goes. */
export interface Held {
  readonly dtype: DataType
  readonly size: number
  readonly shape: readonly number[]
  /** 0 where it has no memory. */
  address: number
  /** Among those that have memory. */
  index: number
}

/** Where blocks come from instead of the allocator. */
export interface Blocks {
  allocate(bytes: number): number
}

export const bytesFor = (size: number, dtype: DataType): number => size * (dtype === 'bool' ? 1 : 4)

export class TensorMemory {
  readonly #memory: SharedMemory
  readonly #allocator
  readonly #host: HostBlocks
  /** What has an address, in no order. */
  readonly #held: Held[] = []
  readonly #scratch: number[] = []
  /** Of recordings: blocks that are not given back. */
  readonly #reserved = new Set<number>()
  /** Gives the blocks, while there is one. */
  recording: Blocks | undefined

  /** `start`: the first address that is free for data. */
  constructor(memory: SharedMemory, start: number, progress: Progress) {
    this.#memory = memory
    this.#host = createHostBlocks(start, progress)
    this.#allocator = createAllocator({
      start: start + hostBytes,
      end: memory.buffer().byteLength,
      extend: (end) => memory.extend(end),
    })
  }

  /** Gives data that has no memory a block of it. @throws MixlabError (`out-of-memory`) */
  place(data: Held): void {
    const bytes = bytesFor(data.size, data.dtype)
    this.#hold(
      data,
      this.#allocate(bytes, () => tensorName(data.dtype, data.shape)),
    )
  }

  /** The same for little that the host will write at once, whatever jobs are under way. Returns whether there was room. */
  placeAtHost(data: Held): boolean {
    if (bytesFor(data.size, data.dtype) > hostBlockBytes || this.recording) return false
    const address = this.#host.take()
    if (address === undefined) return false
    this.#hold(data, address)
    return true
  }

  isAtHost({ address }: Held): boolean {
    return this.#host.has(address)
  }

  #hold(data: Held, address: number): void {
    data.address = address
    data.index = this.#held.length
    this.#held.push(data)
  }

  /** Takes its block from data that has one. */
  free(data: Held): void {
    const last = this.#held.pop()!
    if (last !== data) {
      this.#held[data.index] = last
      last.index = data.index
    }
    if (this.#host.has(data.address)) this.#host.give(data.address)
    else this.#release(data.address)
    data.address = 0
  }

  #allocate(bytes: number, purpose: () => string): number {
    return this.recording ? this.recording.allocate(bytes) : this.allocate(bytes, purpose)
  }

  /** A block that is not a tensor's. @throws MixlabError (`out-of-memory`) */
  allocate(bytes: number, purpose: () => string): number {
    const address = this.#allocator.allocate(bytes)
    if (address === undefined) throw this.#shortage(bytes, purpose())
    return address
  }

  #release(address: number): void {
    if (!this.#reserved.has(address)) this.#allocator.release(address)
  }

  /** Blocks that stay allocated, whoever frees what is in them. */
  reserve(address: number): void {
    this.#reserved.add(address)
  }

  /** The end of that: what is in none of the tensors is freed. */
  unreserve(addresses: Iterable<number>): void {
    const held = new Set(this.#held.map(({ address }) => address))
    for (const address of addresses) {
      this.#reserved.delete(address)
      if (!held.has(address)) this.#allocator.release(address)
    }
  }

  scratch(bytes: number): number {
    const address = this.#allocate(bytes, () => 'scratch of a kernel')
    this.#scratch.push(address)
    return address
  }

  scratchMark(): number {
    return this.#scratch.length
  }

  releaseScratch(mark: number): void {
    while (this.#scratch.length > mark) this.#release(this.#scratch.pop()!)
  }

  usage(): { allocatedBytes: number; reservedBytes: number } {
    const atHost = hostBlockBytes * this.#host.taken()
    return {
      allocatedBytes: this.#allocator.allocatedBytes() + atHost,
      reservedBytes: this.#allocator.reservedBytes() + hostBytes,
    }
  }

  /** @throws MixlabError (`out-of-memory`) if this much is not left under the limit, whatever may be in the way. */
  require(bytes: number, purpose: string): void {
    if (this.#allocator.allocatedBytes() + bytes > this.#available()) throw this.#shortage(bytes, purpose)
  }

  #available(): number {
    const taken = this.#memory.buffer().byteLength - this.#allocator.reservedBytes()
    return this.#memory.limit.bytes - taken - guardBytes
  }

  #shortage(bytes: number, purpose: string): MixlabError {
    return outOfMemory({
      bytes,
      purpose,
      tensors: this.#held.map(({ dtype, shape, size }) => ({ dtype, shape, bytes: bytesFor(size, dtype) })),
      allocated: this.usage().allocatedBytes,
      reserved: this.#allocator.reservedBytes(),
      largestFree: this.#allocator.largestFreeBytes(),
      available: this.#available(),
      limit: this.#memory.limit,
    })
  }
}
