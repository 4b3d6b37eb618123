// The one shared WebAssembly memory of the engine, and how large it may become. It only ever grows; growing makes a new
// buffer object over the same bytes, so that views made earlier stay valid for what they cover and new ones must be made
// from `buffer()`. Why 32-bit addresses: docs/decisions/0006-four-gibibytes.md.
import { MixlabError } from '@mixlab/core'
import { wasm, type WasmMemory } from './web-assembly.ts'

const pageBytes = 65536
/** All that 32-bit addresses reach. */
export const maximumBytes = 65536 * pageBytes
/** Room for the kernels' constants, the control block and something to compute with. */
const minimumBytes = 16 << 20

export interface MemoryLimit {
  /** Of the shared memory, what is free in it included. */
  readonly bytes: number
  /** Who set it, for messages: `MIXLAB_MEMORY=2GB`. */
  readonly setBy?: string
}

const unitBytes: Readonly<Record<string, number>> = {
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
}

/** Bytes of `512MiB` or `1.5 GB`; undefined for what is no such size or none that the engine can keep to. */
function parseBytes(text: string): number | undefined {
  const [, number, unit] = /^\s*(\d+(?:\.\d+)?)\s*([kmg]i?b)\s*$/i.exec(text) ?? []
  const bytes = Math.floor(Number(number) * (unitBytes[unit?.toLowerCase() ?? ''] ?? NaN))
  return bytes >= minimumBytes && bytes <= maximumBytes ? bytes : undefined
}

/**
 * The limit by MIXLAB_MEMORY, or 4 GiB.
 * @throws MixlabError for anything but a size from 16MiB to 4GiB.
 */
export function memoryFromEnvironment(value = process.env.MIXLAB_MEMORY): MemoryLimit {
  if (value === undefined || value === '') return { bytes: maximumBytes }
  const bytes = parseBytes(value)
  if (bytes !== undefined) return { bytes, setBy: `MIXLAB_MEMORY=${value}` }
  throw new MixlabError(`MIXLAB_MEMORY=${value}: expected a size from 16MiB to 4GiB, such as 512MiB or 2GB`)
}

/** @throws MixlabError for anything but 16 MiB … 4 GiB. */
export function memoryOf(bytes: number): MemoryLimit {
  if (bytes >= minimumBytes && bytes <= maximumBytes) return { bytes, setBy: `memoryLimit: ${bytes}` }
  throw new MixlabError(`memoryLimit is ${bytes}, expected bytes from 16 MiB (${minimumBytes}) to 4 GiB`)
}

export interface SharedMemory {
  readonly memory: WasmMemory
  readonly limit: MemoryLimit
  /** The current buffer: make views from it, and do not keep it. */
  buffer(): SharedArrayBuffer
  /** Tries to make the memory at least this large. Returns its size in bytes, which is smaller where it was refused. */
  extend(bytes: number): number
}

export function createSharedMemory(limit: MemoryLimit, initialBytes = 64 << 20): SharedMemory {
  const maximum = Math.floor(limit.bytes / pageBytes)
  const memory = new wasm.Memory({
    initial: Math.min(maximum, Math.ceil(initialBytes / pageBytes)),
    maximum,
    shared: true,
  })
  let buffer = memory.buffer
  return {
    memory,
    limit,
    buffer: () => buffer,
    extend(bytes) {
      const pages = Math.ceil((bytes - buffer.byteLength) / pageBytes)
      if (pages <= 0) return buffer.byteLength
      try {
        memory.grow(pages)
      } catch {
        return buffer.byteLength
      }
      buffer = memory.buffer
      return buffer.byteLength
    },
  }
}
