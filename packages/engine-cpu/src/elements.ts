// Elements of the shared memory as the host sees them, while jobs that were asked for may still read and write it: what it
// reads waits for them, and what it writes goes by way of the stage where it can.
import type { DataType } from '@tensorflow/tfjs-core'
import type { SharedMemory } from './memory.ts'
import type { Pool } from './pool.ts'
import { bytesFor } from './tensor-memory.ts'

export type Values = Float32Array | Int32Array | Uint8Array

/** Values of at most so many bytes go by way of the stage. */
const stagedBytes = 1 << 16

export interface Place {
  readonly address: number
  readonly size: number
  readonly dtype: DataType
}

export class Elements {
  readonly #memory: SharedMemory
  readonly #pool: Pool

  constructor(memory: SharedMemory, pool: Pool) {
    this.#memory = memory
    this.#pool = pool
  }

  /** As they are at this moment. */
  now({ address, size, dtype }: Place): Values {
    const buffer = this.#memory.buffer()
    if (dtype === 'float32') return new Float32Array(buffer, address, size)
    if (dtype === 'int32') return new Int32Array(buffer, address, size)
    return new Uint8Array(buffer, address, size)
  }

  /** Once no job that waits reads or writes them. */
  settled(place: Place): Values {
    this.#pool.settle()
    return this.now(place)
  }

  /**
   * Writes values, or zeros, to memory that jobs may still use, after these.
   * @returns whether they are there already, and not on their way
   */
  write(place: Place, values: Values | null): boolean {
    const bytes = bytesFor(place.size, place.dtype)
    const staged = values && bytes <= stagedBytes ? this.#pool.stage(bytes) : undefined
    if (staged === undefined) {
      const view = this.settled(place)
      if (values) view.set(values)
      else view.fill(0)
      return true
    }
    this.now({ ...place, address: staged }).set(values!)
    this.#pool.run({
      kernel: this.#pool.kernel('copyBytes'),
      count: bytes,
      grain: stagedBytes,
      args: [place.address, staged],
    })
    return false
  }
}

/** The values as the elements of a tensor of this type, in memory of the host's own. */
export function copyOf(values: Values, dtype: DataType): Values {
  if (dtype === 'float32') return new Float32Array(values)
  return dtype === 'int32' ? new Int32Array(values) : new Uint8Array(values)
}
