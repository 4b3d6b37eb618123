// What a case of the table is, and arrays of float64 with shapes to write its naive loops with.
import { RandomStream } from '@mixlab/core'
import { tf } from '../../src/index.ts'

export interface Numbers {
  readonly shape: readonly number[]
  readonly values: Float64Array
  readonly dtype: 'float32' | 'int32'
}

export type Arrays = Readonly<Record<string, Numbers>>
export type Tensors = Readonly<Record<string, tf.Tensor>>

export interface OperationCase {
  readonly name: string
  /** Catalogue kernels that the case must have run, forward and backward, without their prefix. */
  readonly kernels: readonly string[]
  /** Random inputs, or fixed ones; float values are exact in float32. */
  inputs(rng: RandomStream): Arrays
  /** Through the public function. What is changed in place is returned as an output. */
  run(inputs: Tensors): readonly tf.Tensor[]
  /** The same as loops over float64. */
  naive(inputs: Arrays): readonly Numbers[]
  /** Inputs by which the gradient of the first output is compared with central differences of `naive`. */
  readonly gradients?: readonly string[]
  /** Largest error, relative to the larger of 1 and the expected number. Default 1e-5, for gradients 1e-4. */
  readonly tolerance?: number
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((size, length) => size * length, 1)

export const zeros = (...shape: number[]): Numbers => ({
  shape,
  values: new Float64Array(sizeOf(shape)),
  dtype: 'float32',
})

export const floats = (shape: readonly number[], values: Iterable<number>): Numbers => ({
  shape,
  values: Float64Array.from(values, Math.fround),
  dtype: 'float32',
})

export const integers = (shape: readonly number[], values: Iterable<number>): Numbers => ({
  shape,
  values: Float64Array.from(values),
  dtype: 'int32',
})

/** Standard normal numbers times `scale`. */
export const normals = (rng: RandomStream, shape: readonly number[], scale = 1): Numbers =>
  floats(
    shape,
    rng.normals(sizeOf(shape)).map((value) => value * scale),
  )

/** Whole numbers in [low, high). */
export const randomIntegers = (rng: RandomStream, shape: readonly number[], low: number, high: number): Numbers =>
  integers(
    shape,
    Array.from({ length: sizeOf(shape) }, () => low + rng.integer(high - low)),
  )

export const toTensor = ({ shape, values, dtype }: Numbers): tf.Tensor =>
  tf.tensor(dtype === 'int32' ? Int32Array.from(values) : Float32Array.from(values), [...shape], dtype)

/** The array seen as rows of its last axis: a function from row and column. */
export const rowsOf = ({
  shape,
  values,
}: Numbers): { rows: number; width: number; at: (row: number, column: number) => number } => {
  const width = shape.at(-1)!
  return { rows: sizeOf(shape.slice(0, -1)), width, at: (row, column) => values[row * width + column]! }
}

/** Σ over 0 … count − 1. */
export function sum(count: number, term: (index: number) => number): number {
  let total = 0
  for (let i = 0; i < count; i++) total += term(i)
  return total
}

/** An array of `shape` whose element at [row, column] of its last axis is `value(row, column)`. */
export function fromRows(shape: readonly number[], value: (row: number, column: number) => number): Numbers {
  const result = zeros(...shape)
  const width = shape.at(-1)!
  for (let i = 0; i < result.values.length; i++) result.values[i] = value(Math.floor(i / width), i % width)
  return result
}
