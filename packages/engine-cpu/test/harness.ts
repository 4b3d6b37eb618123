// Runs single kernels on the engine and on TensorFlow.js's JavaScript backend, without TensorFlow.js's own engine. Every
// native call runs with one thread and again with two, and has to give the same bits.
import { getKernel, util, type DataType, type TensorInfo } from '@tensorflow/tfjs-core'
import { expect } from 'vitest'
import { backendName, CpuBackend } from '../src/backend.ts'
import { runFallback } from '../src/fallback.ts'
import '../src/kernels/index.ts'

export const backend = new CpuBackend({ threads: 2 })

export type Inputs = Record<string, TensorInfo> | TensorInfo[]
export type Attributes = Record<string, unknown>

export function tensor(shape: readonly number[], values: ArrayLike<number>, dtype: DataType = 'float32'): TensorInfo {
  const info = backend.output(shape, dtype)
  backend.view(info).set(values)
  return info
}

export const copyOf = (info: TensorInfo): TensorInfo => tensor(info.shape, values(info), info.dtype)

/** A copy of the tensor's elements. */
export function values(info: TensorInfo): number[] {
  return [...backend.view(info)]
}

/** Runs the engine's kernel, once with each number of threads. */
export function native(name: string, inputs: Inputs, attrs: Attributes = {}): TensorInfo[] {
  const kernel = getKernel(name, backendName)
  const [one, two] = [1, 2].map((threads) => {
    backend.setThreads(threads)
    const results = kernel.kernelFunc({ inputs: inputs as never, backend, attrs: attrs as never })
    return Array.isArray(results) ? results : [results]
  }) as [TensorInfo[], TensorInfo[]]
  for (const [i, info] of one.entries()) expect(bits(two[i]!)).toEqual(bits(info))
  for (const info of two) backend.release(info)
  return one
}

/** Runs a kernel that writes into its inputs, on copies for each number of threads; the inputs then hold the result. */
export function nativeInPlace(name: string, inputs: Record<string, TensorInfo>, attrs: Attributes = {}): void {
  const copies = Object.fromEntries(Object.entries(inputs).map(([key, info]) => [key, copyOf(info)]))
  for (const [threads, set] of [
    [1, inputs],
    [2, copies],
  ] as const) {
    backend.setThreads(threads)
    getKernel(name, backendName).kernelFunc({ inputs: set, backend, attrs: attrs as never })
  }
  for (const key of Object.keys(inputs)) expect(bits(copies[key]!)).toEqual(bits(inputs[key]!))
}

/** Runs TensorFlow.js's JavaScript kernel. */
export function oracle(name: string, inputs: Inputs, attrs: Attributes = {}): TensorInfo[] {
  const results = runFallback(name, { backend, inputs: inputs as Record<string, TensorInfo>, attrs })
  return Array.isArray(results) ? results : [results]
}

export function bits(info: TensorInfo): Uint8Array {
  const view = backend.view(info)
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice()
}

export interface Tolerance {
  readonly relative?: number
  readonly absolute?: number
}

/** Elementwise closeness; NaN equals NaN, infinities must agree. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { relative = 0, absolute = 0 }: Tolerance = {},
  what = '',
): void {
  expect(actual.length, `${what} length`).toBe(expected.length)
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!]
    if (a === e || (Number.isNaN(a) && Number.isNaN(e))) continue
    if (Math.abs(a - e) <= absolute + relative * Math.abs(e)) continue
    expect.fail(`${what} element ${i}: ${a} instead of ${e}`)
  }
}

/** The native kernel gives what TensorFlow.js's own gives: types, shapes and values. Nothing stays allocated. */
export function expectSame(name: string, inputs: Inputs, attrs: Attributes = {}, tolerance: Tolerance = {}): void {
  const before = backend.usage().allocatedBytes
  const expected = oracle(name, inputs, attrs)
  const actual = native(name, inputs, attrs)
  const what = `${name} ${JSON.stringify(Object.values(inputs).map(({ shape, dtype }) => [dtype, ...shape]))} ${JSON.stringify(attrs)}`
  expect(
    actual.map(({ shape, dtype }) => ({ shape, dtype })),
    what,
  ).toEqual(expected.map(({ shape, dtype }) => ({ shape, dtype })))
  for (const [i, info] of expected.entries()) expectClose(values(actual[i]!), values(info), tolerance, what)
  for (const info of [...actual, ...expected]) backend.release(info)
  expect(backend.usage().allocatedBytes, `${what} leaves memory allocated`).toBe(before)
}

/** A small deterministic generator (mulberry32) for test data. */
export function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Standard normal float32 values. */
export function normals(size: number, seed = 1): Float32Array {
  const next = random(seed)
  return Float32Array.from(
    { length: size },
    () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  )
}

export const normalTensor = (shape: readonly number[], seed = 1): TensorInfo =>
  tensor(shape, normals(util.sizeFromShape(shape as number[]), seed))

/** Integers in [low, high). */
export function integers(size: number, low: number, high: number, seed = 1): Int32Array {
  const next = random(seed)
  return Int32Array.from({ length: size }, () => low + Math.floor(next() * (high - low)))
}

export const intTensor = (shape: readonly number[], low: number, high: number, seed = 1): TensorInfo =>
  tensor(shape, integers(util.sizeFromShape(shape as number[]), low, high, seed), 'int32')
