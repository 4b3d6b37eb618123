// Element types of safetensors files and how their bytes become numbers. 16-bit floats are widened to float32 and 64-bit
// integers narrowed to int32 (with a range check), because those are the two types that tensors of ours have.
import { MixlabError } from '@mixlab/core'

/** Bytes an element; in the order of the reference implementation's enum, which its writer sorts by. */
export const dtypeBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  F8_E8M0: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  C64: 8,
  F64: 8,
  I64: 8,
  U64: 8,
} as const

export type Dtype = keyof typeof dtypeBytes

/** float32 or float64 for floats, int32 for integers, uint8 for bytes, booleans and formats that are only carried. */
export type TensorValues = Float32Array | Float64Array | Int32Array | Uint8Array

export const isDtype = (name: unknown): name is Dtype => typeof name === 'string' && Object.hasOwn(dtypeBytes, name)

/** The value of an IEEE half: 1 sign, 5 exponent, 10 fraction bits. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >>> 10) & 31
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** A typed array needs an aligned offset, which a tensor in a file does not have: copy unless it happens to fit. */
function aligned(bytes: Uint8Array, width: number): { buffer: ArrayBufferLike; offset: number; count: number } {
  const fits = bytes.byteOffset % width === 0
  const whole = fits ? bytes : bytes.slice()
  return { buffer: whole.buffer, offset: whole.byteOffset, count: bytes.byteLength / width }
}

function narrowed(values: BigInt64Array | BigUint64Array | Uint32Array, name: string): Int32Array {
  const result = new Int32Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i])
    if (value > 0x7fffffff || value < -0x80000000) {
      throw new MixlabError(`tensor ${name} holds ${values[i]} at element ${i}, which does not fit in int32`)
    }
    result[i] = value
  }
  return result
}

/**
 * The numbers in a tensor's little-endian bytes. May share memory with `bytes`.
 * @throws MixlabError if a 64-bit integer does not fit in int32.
 */
export function decode(bytes: Uint8Array, dtype: Dtype, name = 'tensor'): TensorValues {
  const { buffer, offset, count } = aligned(bytes, dtypeBytes[dtype])
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer, offset, count)
    case 'C64':
      return new Float32Array(buffer, offset, count * 2)
    case 'F64':
      return new Float64Array(buffer, offset, count)
    case 'F16':
      return Float32Array.from(new Uint16Array(buffer, offset, count), halfToNumber)
    case 'BF16': {
      const words = new Uint16Array(buffer, offset, count)
      const widened = new Uint32Array(count)
      for (let i = 0; i < count; i++) widened[i] = words[i]! << 16
      return new Float32Array(widened.buffer)
    }
    case 'I32':
      return new Int32Array(buffer, offset, count)
    case 'I64':
      return narrowed(new BigInt64Array(buffer, offset, count), name)
    case 'U64':
      return narrowed(new BigUint64Array(buffer, offset, count), name)
    case 'U32':
      return narrowed(new Uint32Array(buffer, offset, count), name)
    case 'I16':
      return Int32Array.from(new Int16Array(buffer, offset, count))
    case 'U16':
      return Int32Array.from(new Uint16Array(buffer, offset, count))
    case 'I8':
      return Int32Array.from(new Int8Array(buffer, offset, count))
    case 'BOOL':
    case 'U8':
    case 'F8_E5M2':
    case 'F8_E4M3':
    case 'F8_E8M0':
      return new Uint8Array(buffer, offset, count)
    default:
      return dtype satisfies never
  }
}

/** bfloat16 words of float32 values: round to nearest, ties to even; NaN stays NaN. */
export function toBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  return Uint16Array.from(bits, (word) => {
    if ((word & 0x7fffffff) > 0x7f800000) return (word >>> 16) | 0x40
    return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16
  })
}

/** IEEE half words of float32 values: round to nearest, ties to even; too large ones become infinite; NaN stays NaN. */
export function toFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  return Uint16Array.from(bits, (word) => {
    const sign = (word >>> 16) & 0x8000
    const magnitude = word & 0x7fffffff
    if (magnitude > 0x7f800000) return sign | 0x7e00
    // 65520, halfway between the largest half and the next power of two.
    if (magnitude >= 0x477ff000) return sign | 0x7c00
    // Below the smallest normal half the steps are 2⁻²⁴: the sum with 0.5 rounds to them, in float32's own rounding.
    if (magnitude < 0x38800000) {
      const aligned = Float32Array.of(Math.fround(asFloat(magnitude) + 0.5))
      return sign | (new Uint32Array(aligned.buffer)[0]! - 0x3f000000)
    }
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
  })
}

const word = new Uint32Array(1)
const float = new Float32Array(word.buffer)

function asFloat(bits: number): number {
  word[0] = bits
  return float[0]!
}
