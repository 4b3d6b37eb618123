// The bytes of a GGUF file: a header with typed metadata and the tensors' names, shapes and places, then their values, each
// at a multiple of 32 bytes. Sizes are little-endian and 64 bits wide; shapes are written innermost first.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, version 3.
import type { LazyTensor } from './safetensors.ts'

/** A number's type is part of the format: who reads a count as uint32 does not find an int32. */
export type GgufValue =
  | { readonly type: 'uint32' | 'int32' | 'float32'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'array'; readonly of: 'int32' | 'float32'; readonly value: readonly number[] }
  | { readonly type: 'array'; readonly of: 'string'; readonly value: readonly string[] }

export type GgufMetadata = ReadonlyMap<string, GgufValue>

export interface GgufTensor extends LazyTensor {
  readonly dtype: 'F32' | 'F16'
}

const valueTypes = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const
const tensorTypes = { F32: 0, F16: 1 } as const
const bytesOf = { F32: 4, F16: 2 } as const
const alignment = 32

const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment
const sizeOf = ({ dtype, shape }: GgufTensor): number => shape.reduce((a, b) => a * b, bytesOf[dtype])

type Scalar = 'uint32' | 'int32' | 'float32' | 'bool' | 'string'

/** Collects little-endian bytes. */
function createBytes() {
  const parts: Uint8Array[] = []
  let length = 0
  const push = (part: Uint8Array): void => {
    parts.push(part)
    length += part.length
  }
  const number = (bytes: number, write: (view: DataView) => void): void => {
    const part = new Uint8Array(bytes)
    write(new DataView(part.buffer))
    push(part)
  }
  const uint32 = (value: number) => number(4, (view) => view.setUint32(0, value, true))
  const uint64 = (value: number) => number(8, (view) => view.setBigUint64(0, BigInt(value), true))
  const string = (value: string): void => {
    const text = new TextEncoder().encode(value)
    uint64(text.length)
    push(text)
  }
  const scalar = (type: Scalar, value: number | boolean | string): void => {
    if (type === 'string') string(value as string)
    else if (type === 'bool') push(Uint8Array.of(value === true ? 1 : 0))
    else if (type === 'uint32') uint32(value as number)
    else if (type === 'int32') number(4, (view) => view.setInt32(0, value as number, true))
    else number(4, (view) => view.setFloat32(0, value as number, true))
  }
  return {
    uint32,
    uint64,
    string,
    value(given: GgufValue): void {
      uint32(valueTypes[given.type])
      if (given.type !== 'array') return scalar(given.type, given.value)
      uint32(valueTypes[given.of])
      uint64(given.value.length)
      for (const one of given.value) scalar(given.of, one)
    },
    /** All of them, filled up to the alignment. */
    end(): Uint8Array {
      const whole = new Uint8Array(aligned(length))
      let position = 0
      for (const part of parts) {
        whole.set(part, position)
        position += part.length
      }
      return whole
    },
  }
}

/** A GGUF file in pieces; at most one tensor's values are in memory. */
export async function* streamGguf(
  metadata: GgufMetadata,
  tensors: ReadonlyMap<string, GgufTensor>,
): AsyncGenerator<Uint8Array> {
  const header = createBytes()
  header.uint32(0x46554747) // "GGUF"
  header.uint32(3)
  header.uint64(tensors.size)
  header.uint64(metadata.size)
  for (const [key, value] of metadata) {
    header.string(key)
    header.value(value)
  }
  let offset = 0
  for (const [name, tensor] of tensors) {
    header.string(name)
    header.uint32(tensor.shape.length)
    for (const size of tensor.shape.toReversed()) header.uint64(size)
    header.uint32(tensorTypes[tensor.dtype])
    header.uint64(offset)
    offset += aligned(sizeOf(tensor))
  }
  yield header.end()
  for (const tensor of tensors.values()) {
    const values = await tensor.data()
    yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    const rest = aligned(values.byteLength) - values.byteLength
    if (rest > 0) yield new Uint8Array(rest)
  }
}
