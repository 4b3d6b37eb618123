// What a twin test knows of a kernel: random parameters and, for these, its tensors, its arguments and its items. A table
// of such cases (index.ts) serves the comparison with WebAssembly and the test with guard pages alike.
import { type Arbitrary, constantFrom, integer, oneof, record } from 'fast-check'
import type { InstructionSet } from '../../src/native/instructions.ts'
import type { Processor } from '../../src/native/executable.ts'
import { assembleKernel } from '../../src/native/kernel.ts'
import { kernels } from '../../src/native/registry.ts'

/** Who runs a kernel: layouts of packed operands differ. */
export type Target = 'wasm' | InstructionSet

/** Where the tensors lie, in bytes. */
export type Addresses = Readonly<Record<string, number>>

export type Elements = Float32Array | Int32Array | Float64Array | Uint8Array

export interface Tolerance {
  readonly relative?: number
  readonly absolute?: number
}

export interface Tensor {
  readonly role: 'input' | 'output' | 'work'
  readonly bytes: number
  /** What is there before the kernel runs. */
  readonly contents: (at: Addresses) => Elements
  /** Of an output: how far from what is expected. Without it the bits must agree, NaN with NaN. */
  readonly tolerance?: Tolerance
  /**
   * The same in float64: what both twins are compared with; undefined where anything may be. Without it the native one is
   * compared with the other.
   */
  readonly expected?: () => ArrayLike<number | undefined>
}

export interface Setup {
  readonly tensors: Readonly<Record<string, Tensor>>
  readonly args: (at: Addresses) => readonly number[]
  readonly items: number
}

/** `P` is plain data, which is printed when a case fails. */
export interface KernelCases<P = unknown> {
  readonly parameters: Arbitrary<P>
  setup(parameters: P, target: Target): Setup
  /** The WebAssembly kernel that it does the work of, where that has another name. */
  readonly twin?: string
  /** Of a kernel that WebAssembly has no twin of; its outputs have expected values. */
  readonly alone?: boolean
  readonly runsOn?: (set: InstructionSet, processor: Processor) => boolean
}

/** Forgets the type of the parameters, so that cases fit into one table. */
export const kernelCases = <P>(cases: KernelCases<P>): KernelCases => cases as KernelCases

/** The code of a native kernel, for whichever set. */
export const kernelCode = (set: InstructionSet, name: string): Uint8Array => assembleKernel(set, kernels[name]!)

/** The index of the thread that runs: work areas are those of threads 0 and 1. */
export const thread = 1

// Tensors.

export const input = (elements: Elements): Tensor => ({
  role: 'input',
  bytes: elements.byteLength,
  contents: () => elements,
})

/** An input that holds addresses. */
export const table = (bytes: number, contents: (at: Addresses) => Elements): Tensor => ({
  role: 'input',
  bytes,
  contents,
})

/** A tensor that is read and written. */
export const updated = (elements: Elements, more: Pick<Tensor, 'tolerance' | 'expected'> = {}): Tensor => ({
  ...more,
  role: 'output',
  bytes: elements.byteLength,
  contents: () => elements,
})

const untouched = 1.5e29

/** Float32 that are only written. */
export const output = (count: number, more: Pick<Tensor, 'tolerance' | 'expected'> = {}): Tensor =>
  updated(new Float32Array(count).fill(untouched), more)

export const intOutput = (count: number): Tensor => updated(new Int32Array(count).fill(-77))

export const work = (bytesOfThread: number): Tensor => {
  const bytes = bytesOfThread * (thread + 1)
  return { role: 'work', bytes, contents: () => new Uint8Array(bytes).fill(0x7e) }
}

// Values.

export interface Values {
  readonly seed: number
  readonly kind: 'plain' | 'special' | 'bits'
}

const specials = [0, -0, NaN, Infinity, -Infinity, 1e-42, -1e-45, 1.1754944e-38, 3.4028235e38, -3e38, 1, -1, 0.5, -2.5]

export const seeds = integer({ min: 0, max: 2 ** 31 - 1 })
export const plainValues: Arbitrary<Values> = record({ seed: seeds, kind: constantFrom('plain') })
/** With NaN, infinities, −0, denormals and the largest numbers, and whatever 32 bits can be. */
export const anyValues: Arbitrary<Values> = record({ seed: seeds, kind: constantFrom('plain', 'special', 'bits') })

/** Uniform in [0, 2^32): mulberry32. */
export function words(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }
}

/** `which` makes different tensors of the same values. */
export function floats(count: number, { seed, kind }: Values, which = 0): Float32Array {
  const next = words(seed + 7919 * which)
  if (kind === 'bits') return new Float32Array(Uint32Array.from({ length: count }, next).buffer)
  const scale = [0.01, 1, 1, 8, 100][next() % 5]! / 2 ** 31
  const plain = () => (next() - 2 ** 31) * scale
  if (kind === 'plain') return Float32Array.from({ length: count }, plain)
  return Float32Array.from({ length: count }, () => (next() % 6 === 0 ? specials[next() % specials.length]! : plain()))
}

/** Integers in [low, high). */
export function integers(count: number, low: number, high: number, seed: number): Int32Array {
  const next = words(seed)
  return Int32Array.from({ length: count }, () => low + (next() % (high - low)))
}

/** With one NaN or infinity in it, or without. */
export const oddValues = constantFrom(undefined, undefined, undefined, NaN, Infinity, -Infinity)

export function withOdd(elements: Float32Array, odd: number | undefined, seed: number): Float32Array {
  if (odd !== undefined) elements[seed % elements.length] = odd
  return elements
}

/** Half a unit in the last place of float32, relative to it. */
export const rounding = 2 ** -24

export const sum = (values: Iterable<number>): number => {
  let total = 0
  for (const value of values) total += value
  return total
}

/** The largest size; what is not finite does not count. */
export function largest(values: Iterable<number>): number {
  let most = 0
  for (const value of values) if (Number.isFinite(value)) most = Math.max(most, Math.abs(value))
  return most
}

// Sizes.

/** Lengths around multiples of a vector and of `block`, small ones first. */
export const lengths = (block: number, max: number): Arbitrary<number> =>
  oneof(
    { arbitrary: integer({ min: 1, max: 70 }), weight: 4 },
    { arbitrary: integer({ min: Math.max(1, block - 20), max: block + 20 }), weight: 2 },
    { arbitrary: integer({ min: 1, max }), weight: 1 },
  )

export const small = (max: number, min = 1): Arbitrary<number> => integer({ min, max })
