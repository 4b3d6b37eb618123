// The one shared WebAssembly memory of the engine. It only ever grows; growing makes a new buffer object over the same
// bytes, so that views made earlier stay valid for what they cover and new ones must be made from `buffer()`.

import { wasm, type WasmMemory } from './web-assembly.ts'

const pageBytes = 65536
/** 32-bit addresses: 4 GiB. */
export const maximumBytes = 65536 * pageBytes

export interface SharedMemory {
  readonly memory: WasmMemory
  /** The current buffer: make views from it, and do not keep it. */
  buffer(): SharedArrayBuffer
  /** Tries to make the memory at least this large. Returns its size in bytes, which is smaller where it was refused. */
  extend(bytes: number): number
}

export function createSharedMemory(initialBytes = 64 << 20): SharedMemory {
  const memory = new wasm.Memory({
    initial: Math.ceil(initialBytes / pageBytes),
    maximum: maximumBytes / pageBytes,
    shared: true,
  })
  let buffer = memory.buffer
  return {
    memory,
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
