// Plans products of few rows, which are read where they lie: a token's products in generation take some microseconds, and
// each one that planning them takes shows.
import type { CpuBackend } from './backend.ts'
import type { Product } from './products.ts'

/** Up to so many rows packing would cost more than it saves. */
const fewRows = 5

/**
 * A product of few rows would only be slowed down by packing, unless only its right operand lies along the depth; and one
 * without depth is all zeros.
 */
export const isFew = ({ m, k, leftDepth, rightColumn }: Product): boolean =>
  (m <= fewRows && (leftDepth === 1 || rightColumn === 1)) || k === 0

/** Of a record: see assembly/matmul.ts. */
const words = 16

/** Floats of the right operands that a thread takes at a time: worth handing over, and enough of a stream from memory. */
const chunks = { least: 16_384, most: 32_768 } as const
/** Columns of a tile are a multiple of this. */
const columnStep = 32

interface Finish {
  /** Address of a bias of n floats; 0: none. */
  readonly bias: number
  /** By number: see assembly/matmul.ts. */
  readonly activation: number
  readonly parameter: number
}

/** Runs products that are few of rows and not empty. */
export function multiplyFew(
  backend: CpuBackend,
  products: readonly Product[],
  { bias, activation, parameter }: Finish,
): void {
  const threads = backend.threads()
  let [mostRows, mostColumns, mostDepth, floats] = [1, 1, 1, 1]
  for (const { m, n, k } of products) {
    mostRows = Math.max(mostRows, m)
    mostColumns = Math.max(mostColumns, n)
    mostDepth = Math.max(mostDepth, k)
    floats += n * k
  }
  const chunk = Math.min(chunks.most, Math.max(chunks.least, floats / threads))
  // Stretches of whole columns, so that a thread reads a weight's rows one after the other.
  const columns = Math.ceil(Math.max(columnStep, chunk / mostDepth) / columnStep) * columnStep
  const tileN = threads === 1 ? mostColumns : columns
  const { address: table, buffer } = backend.stage(4 * words * products.length)
  const records = new Int32Array(buffer, table, words * products.length)
  let at = 0
  let items = 0
  for (const product of products) {
    const { left, right, result, m, n, k, resultRow, leftRow, leftDepth, rightDepth, rightColumn } = product
    const tilesN = Math.ceil(n / tileN)
    records[at] = left
    records[at + 1] = right
    records[at + 2] = result
    records[at + 3] = m
    records[at + 4] = n
    records[at + 5] = k
    records[at + 6] = items
    records[at + 7] = tilesN
    records[at + 8] = resultRow
    records[at + 9] = bias === 0 ? 0 : bias + 4 * (product.biasColumn ?? 0)
    records[at + 10] = leftRow
    records[at + 11] = leftDepth
    records[at + 12] = rightDepth
    records[at + 13] = rightColumn
    at += words
    items += tilesN
  }
  const grain = Math.max(1, Math.ceil((chunk * items) / floats))
  backend.run('multiplyFew', items, grain, table, products.length, mostRows, tileN, activation, parameter, 0)
}
