// Plans a list of matrix products as two parallel jobs, packing and multiplying (assembly/pack.ts, matmul.ts): a plain
// product is a list of one, a batch and a mixture's members are longer ones, in which every tile of every product is
// an item, so that the work is balanced however unequal the products are.
import type { CpuBackend } from './backend.ts'
import { nativeColumns, nativeRows } from './native/product-kernel.ts'

/** Result [m, n] = left [m, k] · right [k, n] (+ bias [n]); addresses in bytes, strides in elements. */
export interface Product {
  readonly left: number
  readonly right: number
  readonly result: number
  readonly m: number
  readonly n: number
  readonly k: number
  readonly leftRow: number
  readonly leftDepth: number
  readonly rightDepth: number
  readonly rightColumn: number
  readonly resultRow: number
}

/**
 * How a product is computed and what follows it.
 *
 * `precision` bfloat16 rounds both operands to bfloat16 (nearest, ties to even) while they are packed; products and
 * sums are float32, as is everything after them. Products of few rows (a token's, in generation; those of a member of a
 * mixture that few tokens chose) are not packed, and stay float32: they wait for memory, and would gain nothing.
 */
export interface Epilogue {
  readonly precision?: 'float32' | 'bfloat16'
  /** Address of n floats added to each row. */
  readonly bias?: number
  readonly activation?: keyof typeof activations
  /** Slope of leakyrelu. */
  readonly parameter?: number
}

export const activations = { linear: 0, relu: 1, relu6: 2, leakyrelu: 3, sigmoid: 4, elu: 5 } as const

/** How operands are packed and results cut up: as the micro-kernel wants it. */
interface Layout {
  /** Of a strip of the left operand. */
  readonly rows: number
  /** Of a strip of the right operand. */
  readonly columns: number
  /** Tiles of the result, largest first; multiples of the strips. */
  readonly tiles: readonly { readonly tileM: number; readonly tileN: number }[]
}

const tiles = (strip: number, sizes: readonly (readonly [strips: number, tileN: number])[]) =>
  sizes.map(([strips, tileN]) => ({ tileM: strip * strips, tileN }))

const portable: Layout = {
  rows: 6,
  columns: 8,
  tiles: tiles(6, [
    [16, 256],
    [16, 128],
    [16, 64],
    [8, 64],
    [4, 64],
    [2, 32],
  ]),
}

const native: Layout = {
  rows: nativeRows,
  columns: nativeColumns,
  tiles: tiles(nativeRows, [
    [7, 256],
    [7, 128],
    [7, 64],
    [4, 64],
    [2, 64],
    [1, 32],
  ]),
}

const layoutOf = (backend: CpuBackend): Layout => (backend.native() === true ? native : portable)

const fewRows = 5
const packRecordWords = 8
const tileRecordWords = 16
/** Packed operands of one pass, in floats. */
const passFloats = 8 << 20

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple
const packedFloats = ({ m, n, k }: Product, { rows, columns }: Layout): number =>
  m <= fewRows ? 0 : (roundUp(m, rows) + roundUp(n, columns)) * k

/** Runs the products; an element of a result never depends on what else is in the list, nor on the threads. */
export function multiply(backend: CpuBackend, products: readonly Product[], epilogue: Epilogue = {}): void {
  const layout = layoutOf(backend)
  let pass: Product[] = []
  let floats = 0
  for (const product of products) {
    if (product.m === 0 || product.n === 0) continue
    for (const piece of packedFloats(product, layout) > passFloats ? pieces(product, layout) : [product]) {
      const more = packedFloats(piece, layout)
      if (floats + more > passFloats && pass.length > 0) {
        multiplyPass(backend, layout, pass, epilogue)
        pass = []
        floats = 0
      }
      pass.push(piece)
      floats += more
    }
  }
  if (pass.length > 0) multiplyPass(backend, layout, pass, epilogue)
}

/** Cuts a product whose packed operands are too large into some that are not, along whole strips. */
function* pieces(product: Product, layout: Layout): Generator<Product> {
  const { m, n, k } = product
  const fit = (strip: number) => Math.max(strip, Math.floor(passFloats / 2 / k / strip) * strip)
  const [rows, columns] = [fit(layout.rows), fit(layout.columns)]
  for (let row = 0; row < m; row += rows) {
    for (let column = 0; column < n; column += columns) {
      yield {
        ...product,
        left: product.left + 4 * row * product.leftRow,
        right: product.right + 4 * column * product.rightColumn,
        result: product.result + 4 * (row * product.resultRow + column),
        m: Math.min(rows, m - row),
        n: Math.min(columns, n - column),
      }
    }
  }
}

function multiplyPass(backend: CpuBackend, layout: Layout, products: readonly Product[], epilogue: Epilogue): void {
  const mark = backend.scratchMark()
  const packed = pack(backend, layout, products, epilogue.precision === 'bfloat16')
  const { tileM, tileN } = chooseTile(layout, products, backend.threads())
  const table = backend.scratch(products.length * tileRecordWords * 4)
  const words = backend.viewAt(table, products.length * tileRecordWords, 'int32')
  let items = 0
  let macs = 0
  products.forEach((product, i) => {
    const { m, n, k } = product
    const few = m <= fewRows
    const tilesN = Math.ceil(n / tileN)
    words.set(
      [
        few ? product.left : packed.left[i]!,
        few ? product.right : packed.right[i]!,
        product.result,
        m,
        n,
        k,
        items,
        tilesN,
        product.resultRow,
        epilogue.bias ?? 0,
        few ? 1 : 0,
        product.leftRow,
        product.leftDepth,
        product.rightDepth,
        product.rightColumn,
      ],
      i * tileRecordWords,
    )
    items += few ? tilesN : tilesN * Math.ceil(m / tileM)
    macs += m * n * k
  })
  const work = backend.scratch(256 * backend.threads())
  const grain = Math.max(1, Math.ceil((60_000 * items) / (macs + 1)))
  const activation = activations[epilogue.activation ?? 'linear']
  const count = products.length
  backend.run('multiplyTiles', items, grain, table, count, tileM, tileN, activation, epilogue.parameter ?? 0, work)
  backend.releaseScratch(mark)
}

/** Packs the operands of all products that are not done in place; one that occurs several times is packed once. */
function pack(
  backend: CpuBackend,
  layout: Layout,
  products: readonly Product[],
  bfloat16: boolean,
): { left: number[]; right: number[] } {
  const left: number[] = []
  const right: number[] = []
  const seen = new Map<string, number>()
  const records: number[] = []
  let items = 0
  let floats = 0
  function strip(source: number, rows: number, depth: number, rowStride: number, depthStride: number, width: number) {
    const key = `${source} ${rows} ${depth} ${rowStride} ${depthStride} ${width}`
    const known = seen.get(key)
    if (known !== undefined) return known
    const strips = Math.ceil(rows / width)
    const target = backend.scratch(4 * strips * width * depth)
    seen.set(key, target)
    records.push(source, target, rows, depth, rowStride, depthStride, items, width)
    items += strips
    floats += strips * width * depth
    return target
  }
  for (const { left: a, right: b, m, n, k, leftRow, leftDepth, rightDepth, rightColumn } of products) {
    const skip = m <= fewRows || k === 0
    left.push(skip ? 0 : strip(a, m, k, leftRow, leftDepth, layout.rows))
    right.push(skip ? 0 : strip(b, n, k, rightColumn, rightDepth, layout.columns))
  }
  if (items > 0) {
    const table = backend.scratch(4 * records.length)
    backend.viewAt(table, records.length, 'int32').set(records)
    const grain = Math.max(1, Math.ceil((16_384 * items) / floats))
    backend.run('packStrips', items, grain, table, records.length / packRecordWords, bfloat16 ? 1 : 0)
  }
  return { left, right }
}

/** The largest tile that still leaves each thread enough tiles to even out their speeds. */
function chooseTile(layout: Layout, products: readonly Product[], threads: number): { tileM: number; tileN: number } {
  if (threads === 1) return layout.tiles[0]!
  for (const tile of layout.tiles) {
    let items = 0
    for (const { m, n } of products) items += Math.ceil(m / tile.tileM) * Math.ceil(n / tile.tileN)
    if (items >= 4 * threads) return tile
  }
  return layout.tiles.at(-1)!
}
