// Plans a list of matrix products as two parallel jobs, packing and multiplying (assembly/pack.ts, matmul.ts): a plain
// product is a list of one, a batch and a mixture's members are longer ones, in which every tile of every product is
// an item, so that the work is balanced however unequal the products are.
import type { CpuBackend } from './backend.ts'

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

export interface Epilogue {
  /** Address of n floats added to each row. */
  readonly bias?: number
  readonly activation?: keyof typeof activations
  /** Slope of leakyrelu. */
  readonly parameter?: number
}

export const activations = { linear: 0, relu: 1, relu6: 2, leakyrelu: 3, sigmoid: 4, elu: 5 } as const

const stripRows = 6
const stripColumns = 8
const fewRows = 5
const packRecordWords = 8
const tileRecordWords = 16
/** Packed operands of one pass, in floats. */
const passFloats = 8 << 20

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple
const packedFloats = ({ m, n, k }: Product): number =>
  m <= fewRows ? 0 : (roundUp(m, stripRows) + roundUp(n, stripColumns)) * k

/** Runs the products; an element of a result never depends on what else is in the list, nor on the threads. */
export function multiply(backend: CpuBackend, products: readonly Product[], epilogue: Epilogue = {}): void {
  let pass: Product[] = []
  let floats = 0
  for (const product of products) {
    if (product.m === 0 || product.n === 0) continue
    for (const piece of packedFloats(product) > passFloats ? pieces(product) : [product]) {
      const more = packedFloats(piece)
      if (floats + more > passFloats && pass.length > 0) {
        multiplyPass(backend, pass, epilogue)
        pass = []
        floats = 0
      }
      pass.push(piece)
      floats += more
    }
  }
  if (pass.length > 0) multiplyPass(backend, pass, epilogue)
}

/** Cuts a product whose packed operands are too large into some that are not, along whole strips. */
function* pieces(product: Product): Generator<Product> {
  const { m, n, k } = product
  const rows = Math.max(stripRows, Math.floor(passFloats / 2 / k / stripRows) * stripRows)
  const columns = Math.max(stripColumns, Math.floor(passFloats / 2 / k / stripColumns) * stripColumns)
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

function multiplyPass(backend: CpuBackend, products: readonly Product[], epilogue: Epilogue): void {
  const mark = backend.scratchMark()
  const packed = pack(backend, products)
  const { tileM, tileN } = chooseTile(products, backend.threads())
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
function pack(backend: CpuBackend, products: readonly Product[]): { left: number[]; right: number[] } {
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
    left.push(skip ? 0 : strip(a, m, k, leftRow, leftDepth, stripRows))
    right.push(skip ? 0 : strip(b, n, k, rightColumn, rightDepth, stripColumns))
  }
  if (items > 0) {
    const table = backend.scratch(4 * records.length)
    backend.viewAt(table, records.length, 'int32').set(records)
    const grain = Math.max(1, Math.ceil((16_384 * items) / floats))
    backend.run('packStrips', items, grain, table, records.length / packRecordWords)
  }
  return { left, right }
}

const tiles = [
  { tileM: 96, tileN: 256 },
  { tileM: 96, tileN: 128 },
  { tileM: 96, tileN: 64 },
  { tileM: 48, tileN: 64 },
  { tileM: 24, tileN: 64 },
  { tileM: 12, tileN: 32 },
] as const

/** The largest tile that still leaves each thread enough tiles to even out their speeds. */
function chooseTile(products: readonly Product[], threads: number): { tileM: number; tileN: number } {
  if (threads === 1) return tiles[0]
  for (const tile of tiles) {
    let items = 0
    for (const { m, n } of products) items += Math.ceil(m / tile.tileM) * Math.ceil(n / tile.tileN)
    if (items >= 4 * threads) return tile
  }
  return tiles.at(-1)!
}
