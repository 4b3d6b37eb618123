// Plans a list of matrix products as two parallel jobs, packing and multiplying (assembly/pack.ts, matmul.ts): a plain
// product is a list of one, a batch and a mixture's members are longer ones, in which every tile of every product is
// an item, so that the work is balanced however unequal the products are.
import type { CpuBackend } from './backend.ts'
import { stripShape } from './native/product.ts'

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
  /** Columns of the bias before this product's own: of a piece of a product. */
  readonly biasColumn?: number
}

export interface Epilogue {
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

const wide: Layout = {
  ...stripShape.avx512,
  tiles: tiles(stripShape.avx512.rows, [
    [7, 256],
    [7, 128],
    [7, 64],
    [4, 64],
    [2, 64],
    [1, 32],
  ]),
}

const narrow: Layout = { ...portable, ...stripShape.avx2 }

function layoutOf(backend: CpuBackend): Layout {
  const native = backend.native()
  if (typeof native === 'string') return portable
  return native.set === 'avx512' ? wide : narrow
}

const fewRows = 5
const packRecordWords = 8
const tileRecordWords = 16
/** Packed operands of one pass, in floats. */
const passFloats = 8 << 20

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple
const packedFloats = (product: Product, { rows, columns }: Layout): number =>
  isFew(product) ? 0 : (roundUp(product.m, rows) + roundUp(product.n, columns)) * product.k

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
        biasColumn: column,
        m: Math.min(rows, m - row),
        n: Math.min(columns, n - column),
      }
    }
  }
}

function multiplyPass(backend: CpuBackend, layout: Layout, products: readonly Product[], epilogue: Epilogue): void {
  const mark = backend.scratchMark()
  const [few, many] = [products.filter(isFew), products.filter((product) => !isFew(product))]
  if (many.length > 0) {
    const packed = pack(backend, layout, many)
    const tile = chooseTile(layout, many, backend.threads())
    const operands = many.map((product, i) => ({ ...product, left: packed.left[i]!, right: packed.right[i]! }))
    runTiles(backend, 'multiplyTiles', operands, tile, epilogue)
  }
  if (few.length > 0) {
    const most = few.reduce((rows, { m }) => Math.max(rows, m), 0)
    runTiles(backend, 'multiplyFew', few, { ...chooseTile(layout, few, backend.threads()), tileM: most }, epilogue)
  }
  backend.releaseScratch(mark)
}

/** A product of few rows would only be slowed down by packing, and one without depth is all zeros. */
const isFew = ({ m, k }: Product): boolean => m <= fewRows || k === 0

function runTiles(
  backend: CpuBackend,
  kernel: string,
  products: readonly Product[],
  { tileM, tileN }: { readonly tileM: number; readonly tileN: number },
  epilogue: Epilogue,
): void {
  const table = backend.scratch(products.length * tileRecordWords * 4)
  const words = backend.viewAt(table, products.length * tileRecordWords, 'int32')
  let items = 0
  let macs = 0
  for (const [i, product] of products.entries()) {
    const { left, right, result, m, n, k, resultRow, leftRow, leftDepth, rightDepth, rightColumn } = product
    const tilesN = Math.ceil(n / tileN)
    const bias = epilogue.bias === undefined ? 0 : epilogue.bias + 4 * (product.biasColumn ?? 0)
    const record = [left, right, result, m, n, k, items, tilesN, resultRow, bias]
    words.set([...record, leftRow, leftDepth, rightDepth, rightColumn], i * tileRecordWords)
    items += tilesN * Math.ceil(m / tileM)
    macs += m * n * k
  }
  const work = backend.scratch(256 * backend.threads())
  const grain = Math.max(1, Math.ceil((60_000 * items) / (macs + 1)))
  const activation = activations[epilogue.activation ?? 'linear']
  const parameters = [tileM, tileN, activation, epilogue.parameter ?? 0, work]
  backend.run(kernel, items, grain, table, products.length, ...parameters)
}

/** Packs the operands of all products; one that occurs several times is packed once. */
function pack(backend: CpuBackend, layout: Layout, products: readonly Product[]): { left: number[]; right: number[] } {
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
    left.push(strip(a, m, k, leftRow, leftDepth, layout.rows))
    right.push(strip(b, n, k, rightColumn, rightDepth, layout.columns))
  }
  const table = backend.scratch(4 * records.length)
  backend.viewAt(table, records.length, 'int32').set(records)
  const grain = Math.max(1, Math.ceil((16_384 * items) / floats))
  backend.run('packStrips', items, grain, table, records.length / packRecordWords)
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
