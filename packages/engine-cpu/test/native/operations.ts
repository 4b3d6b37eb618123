// The operations of vector programs on single numbers. Float32 arithmetic is float64 arithmetic rounded once more, which
// is exact for one operation; see `fma` for two.
import type { Condition, Predicate } from '../../src/native/instructions.ts'

export const compareInts: Record<Condition, (a: bigint, b: bigint) => boolean> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
}

export const compareFloats: Record<Predicate, (a: number, b: number) => boolean> = {
  equal: (a, b) => a === b,
  less: (a, b) => a < b,
  lessEqual: (a, b) => a <= b,
  unordered: (a, b) => Number.isNaN(a) || Number.isNaN(b),
  notEqual: (a, b) => a !== b,
  greaterEqual: (a, b) => a >= b,
  greater: (a, b) => a > b,
  notLess: (a, b) => !(a < b),
}

/** a · b + c rounded once. The product is exact in float64; the sum is rounded to odd, so that rounding again is harmless. */
export function fma(a: number, b: number, c: number): number {
  const product = a * b
  const sum = product + c
  const part = sum - product
  const error = product - (sum - part) + (c - part)
  if (error === 0 || !Number.isFinite(sum) || Number.isNaN(error)) return Math.fround(sum)
  const bits = new BigInt64Array(Float64Array.of(sum).buffer)
  if ((bits[0]! & 1n) === 0n) bits[0]! += error > 0 === sum > 0 ? 1n : -1n
  return Math.fround(new Float64Array(bits.buffer)[0]!)
}

/** The nearest integer, ties to even; what comes to 0 keeps its sign. */
export function nearest(x: number): number {
  const size = Math.abs(x)
  const floor = Math.floor(size)
  const rest = size - floor
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0)
  return Object.is(Math.sign(x), -0) || x < 0 ? -(up ? floor + 1 : floor) : up ? floor + 1 : floor
}

export const floatOperations: Record<string, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  max: (a, b) => (a > b ? a : b),
  min: (a, b) => (a < b ? a : b),
}

export const intOperations: Record<string, (a: number, b: number) => number> = {
  and: (a, b) => a & b,
  andNot: (a, b) => ~a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  addInt: (a, b) => a + b,
  subInt: (a, b) => a - b,
}

export const doubleOperations: Record<string, (a: number, b: number) => number> = {
  addDouble: (a, b) => a + b,
  subDouble: (a, b) => a - b,
  mulDouble: (a, b) => a * b,
  divDouble: (a, b) => a / b,
}

/** Of each four lanes of a (0 … 3) and b (4 … 7). */
export const unpacked: Record<string, readonly number[]> = {
  unpackLow: [0, 4, 1, 5],
  unpackHigh: [2, 6, 3, 7],
  unpackLowPairs: [0, 1, 4, 5],
  unpackHighPairs: [2, 3, 6, 7],
}

export const double = (x: Float32Array): number => new Float64Array(x.buffer, x.byteOffset, 1)[0]!
