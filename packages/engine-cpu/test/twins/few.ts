// Cases of products of few rows, whose operands are read where they lie: by rows, by columns or neither, with gaps of NaN; and
// of products without depth, which have any number of rows.
import { array, boolean, constantFrom, float, oneof, record } from 'fast-check'
import {
  type Addresses,
  anyValues,
  floats,
  input,
  type KernelCases,
  kernelCases,
  output,
  small,
  table,
  work,
} from './case.ts'

const recordWords = 16
const most = 5

const layout = record({ kind: constantFrom('rows', 'columns', 'neither'), gap: small(3, 0) })
type Layout = { kind: 'rows' | 'columns' | 'neither'; gap: number }

const shape = record({
  m: small(most),
  n: oneof(small(20), small(150)),
  k: oneof({ arbitrary: small(40, 0), weight: 3 }, small(300)),
  /** Rows where there is no depth. */
  flat: small(9),
  left: layout,
  right: layout,
  border: small(4, 0),
  hasBias: boolean(),
})

/** Strides of [rows, columns]. */
function stridesOf({ kind, gap }: Layout, rows: number, columns: number): { row: number; column: number } {
  if (kind === 'rows') return { row: columns + gap, column: 1 }
  return kind === 'columns' ? { row: 1, column: rows + gap } : { row: 2 * columns + gap, column: 2 }
}

/** [rows, columns] with NaN in between, up to its last number. */
function lay(values: Float32Array, rows: number, columns: number, at: { row: number; column: number }): Float32Array {
  if (values.length === 0) return values
  const laid = new Float32Array((rows - 1) * at.row + (columns - 1) * at.column + 1).fill(NaN)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) laid[i * at.row + j * at.column] = values[i * columns + j]!
  return laid
}

/** args: records, count of records, tileM, tileN, activation, its parameter, work area. */
const multiplyFew = kernelCases({
  parameters: record({
    products: array(shape, { minLength: 1, maxLength: 3 }),
    tileN: constantFrom(8, 32, 48, 64, 256),
    activation: constantFrom(0, 0, 1, 2, 3, 4, 5),
    parameter: float({ noNaN: true, min: -2, max: 2 }),
    values: anyValues,
  }),
  setup: ({ products: given, tileN, activation, parameter, values }) => {
    const products = given.map((product) => ({ ...product, m: product.k === 0 ? product.flat : product.m }))
    const strides = products.map(({ m, n, k, left, right }) => ({
      left: stridesOf(left, m, k),
      right: stridesOf(right, k, n),
    }))
    let items = 0
    const firsts = products.map(({ n }) => {
      const first = items
      items += Math.ceil(n / tileN)
      return first
    })
    const tensors = products.map(({ m, n, k, border, hasBias }, i) => ({
      [`left${i}`]: input(lay(floats(m * k, values, 3 * i), m, k, strides[i]!.left)),
      [`right${i}`]: input(lay(floats(k * n, values, 3 * i + 1), k, n, strides[i]!.right)),
      [`result${i}`]: output(m * (n + border) - border),
      ...(hasBias && { [`bias${i}`]: input(floats(n, values, 3 * i + 2)) }),
    }))
    const records = (at: Addresses) =>
      Int32Array.from(
        products.flatMap(({ m, n, k, border }, i) => {
          const { left, right } = strides[i]!
          const places = [at[`left${i}`]!, at[`right${i}`]!, at[`result${i}`]!]
          const result = [firsts[i]!, Math.ceil(n / tileN), n + border, at[`bias${i}`] ?? 0]
          return [...places, m, n, k, ...result, left.row, left.column, right.row, right.column, 0, 0]
        }),
      )
    const tileM = Math.max(...products.map(({ m }) => m))
    return {
      tensors: {
        ...Object.assign({}, ...tensors),
        records: table(4 * recordWords * products.length, records),
        work: work(256),
      },
      args: (at) => [at['records']!, products.length, tileM, tileN, activation, parameter, at['work']!],
      items,
    }
  },
})

export const fewCases: Readonly<Record<string, KernelCases>> = { multiplyFew }
