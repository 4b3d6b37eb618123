// Plans a list of matrix products as two parallel jobs, packing and multiplying (assembly/pack.ts, matmul.ts): a plain
// product is a list of one, a batch and a mixture's members are longer ones, in which every tile of every product is
// an item, so that the work is balanced however unequal the products are.
import type { CpuBackend } from './backend.ts'
import { isFew, multiplyFew } from './few-products.ts'
import { followedBy } from './native/product.ts'
import { type Form, formOf, roundUp, wordsOf } from './product-forms.ts'

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
  /** What a gated unit that follows reads or writes beside the result. */
  readonly beside?: number
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
  /** Of the products for which `canBeFollowed`: see native/product.ts. */
  readonly unit?: { readonly activation: string; readonly as: 'value' | 'gradient' }
}

export const activations = { linear: 0, relu: 1, relu6: 2, leakyrelu: 3, sigmoid: 4, elu: 5 } as const

/** Strips that packing copies at a time, where they share cache lines. */
const together = 8

const packRecordWords = 8
const tileRecordWords = 16
/** Packed operands of one pass, in floats. */
const passFloats = 8 << 20

/** Of the operands that are not read where they lie. */
function packedFloats(product: Product, form: Form): number {
  if (isFew(product)) return 0
  const left = leftInPlace(form, product) ? 0 : roundUp(product.m, form.rows)
  const right = rightInPlace(form, product) ? 0 : roundUp(product.n, form.columns)
  return (left + right) * roundUp(product.k, form.depthStep)
}

/**
 * Runs the products. Unless a BLAS is used, an element of a result never depends on what else is in the list, nor on the
 * threads.
 */
export function multiply(backend: CpuBackend, products: readonly Product[], epilogue: Epilogue = {}): void {
  if (!backend.blas || epilogue.precision === 'bfloat16') return multiplyOurselves(backend, products, epilogue)
  backend.settle()
  const { done, rest } = backend.blas.multiply(products, backend.threads())
  for (const product of done) finish(backend, product, epilogue)
  if (rest.length > 0) multiplyOurselves(backend, rest, epilogue)
}

/** Whether the unit can follow within the product's own kernel. */
export function canBeFollowed(backend: CpuBackend, product: Product, { precision, unit }: Epilogue): boolean {
  if (typeof backend.native() === 'string' || (backend.blas && precision !== 'bfloat16')) return false
  const form = formOf(backend.native(), precision ?? 'float32', product)
  const width = unit?.as === 'value' ? product.n / 2 : product.n
  return !isFew(product) && width % form.columns === 0 && packedFloats(product, form) <= passFloats
}

/** What follows a product that a BLAS has computed. */
function finish(backend: CpuBackend, { result, m, n, resultRow, biasColumn = 0 }: Product, epilogue: Epilogue): void {
  const { bias, activation = 'linear', parameter = 0 } = epilogue
  if (bias === undefined && activation === 'linear') return
  const biasAt = bias === undefined ? 0 : bias + 4 * biasColumn
  const grain = Math.ceil(16_384 / n)
  backend.run('finishRows', m, grain, result, n, resultRow, biasAt, activations[activation], parameter)
}

function multiplyOurselves(backend: CpuBackend, products: readonly Product[], epilogue: Epilogue): void {
  if (products.every((product) => isFew(product) && product.m > 0 && product.n > 0)) {
    const mark = backend.scratchMark()
    multiplyFew(backend, products, finishOf(epilogue))
    return backend.releaseScratch(mark)
  }
  const native = backend.native()
  const forms = Map.groupBy(products, (product) => formOf(native, epilogue.precision ?? 'float32', product))
  for (const [form, own] of forms) multiplyInForm(backend, form, own, epilogue)
}

function multiplyInForm(backend: CpuBackend, form: Form, products: readonly Product[], epilogue: Epilogue): void {
  let pass: Product[] = []
  let floats = 0
  for (const product of products) {
    if (product.m === 0 || product.n === 0) continue
    for (const piece of packedFloats(product, form) > passFloats ? pieces(product, form) : [product]) {
      const more = packedFloats(piece, form)
      if (floats + more > passFloats && pass.length > 0) {
        multiplyPass(backend, form, pass, epilogue)
        pass = []
        floats = 0
      }
      pass.push(piece)
      floats += more
    }
  }
  if (pass.length > 0) multiplyPass(backend, form, pass, epilogue)
}

/** Cuts a product whose packed operands are too large into some that are not, along whole strips. */
function* pieces(product: Product, form: Form): Generator<Product> {
  const { m, n, k } = product
  const depth = roundUp(k, form.depthStep)
  const fit = (strip: number) => Math.max(strip, Math.floor(passFloats / 2 / depth / strip) * strip)
  const [rows, columns] = [fit(form.rows), fit(form.columns)]
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

function multiplyPass(backend: CpuBackend, form: Form, products: readonly Product[], epilogue: Epilogue): void {
  const mark = backend.scratchMark()
  const [few, many] = [products.filter(isFew), products.filter((product) => !isFew(product))]
  if (many.length > 0) multiplyMany(backend, form, many, epilogue)
  if (few.length > 0) multiplyFew(backend, few, finishOf(epilogue))
  backend.releaseScratch(mark)
}

const finishOf = ({ bias = 0, activation = 'linear', parameter = 0 }: Epilogue) => ({
  bias,
  activation: activations[activation],
  parameter,
})

/** Where a strip's numbers are: address, and bytes from row to row, step to step, strip to strip. */
interface Laid {
  readonly at: number
  readonly row: number
  readonly step: number
  readonly strip: number
}

/** A product with what a record says of its operands. */
interface Item extends Product {
  readonly strides: readonly number[]
}

function multiplyMany(backend: CpuBackend, form: Form, products: readonly Product[], epilogue: Epilogue): void {
  const packer = createPacker(backend, form)
  const { unit } = epilogue
  // The costly tiles first, so that the last ones, for which threads wait, are small.
  const ordered = products.toSorted((a, b) => b.k - a.k)
  const items = ordered.map((product): Item => {
    const left = layOutLeft(form, packer, product)
    const right = layOutRight(form, packer, product)
    const strides = [left.row, left.step, left.strip, right.step, right.strip]
    // A tile of a unit's value is one of both halves.
    const n = unit?.as === 'value' ? product.n / 2 : product.n
    return { ...product, n, left: left.at, right: right.at, k: wordsOf(form, product.k), strides }
  })
  packer.run()
  const kernel = unit ? followedBy(form.multiply, unit.activation, unit.as) : form.multiply
  runTiles(backend, form, kernel, items, chooseTile(form, items, backend.threads()), epilogue)
}

/** Rows a multiple of a page apart all lie in the same set of the first-level cache. */
export const spreads = (stride: number): boolean => (4 * stride) % 4096 !== 0

function leftInPlace({ inPlace, rows, pack }: Form, { left, leftRow, leftDepth }: Product): Laid | undefined {
  if (!pack) return { at: left, row: 4 * leftRow, step: 4 * leftDepth, strip: 4 * leftRow * rows }
  if (!inPlace.left) return undefined
  if (leftRow === 1 && spreads(leftDepth)) return { at: left, row: 0, step: 4 * leftDepth, strip: 4 * rows }
  if (leftDepth === 1 && (inPlace.farLeft || spreads(leftRow)))
    return { at: left, row: 4 * leftRow, step: 4, strip: 4 * leftRow * rows }
  return undefined
}

function rightInPlace({ inPlace, columns, pack }: Form, product: Product): Laid | undefined {
  const { right, rightColumn, rightDepth } = product
  if (!pack) return { at: right, row: 0, step: 4 * rightDepth, strip: 4 * rightColumn * columns }
  if (!inPlace.right || rightColumn !== 1 || !spreads(rightDepth)) return undefined
  return { at: right, row: 0, step: 4 * rightDepth, strip: 4 * columns }
}

function layOutLeft(form: Form, packer: Packer, product: Product): Laid {
  const { left, m, k, leftRow, leftDepth } = product
  return leftInPlace(form, product) ?? packer.pack(left, m, k, leftRow, leftDepth, form.rows)
}

function layOutRight(form: Form, packer: Packer, product: Product): Laid {
  const { right, n, k, rightDepth, rightColumn } = product
  return rightInPlace(form, product) ?? packer.pack(right, n, k, rightColumn, rightDepth, form.columns)
}

function runTiles(
  backend: CpuBackend,
  form: Form,
  kernel: string,
  products: readonly Item[],
  { tileM, tileN }: { readonly tileM: number; readonly tileN: number },
  epilogue: Epilogue,
): void {
  const { address: table, buffer } = backend.stage(products.length * tileRecordWords * 4)
  const words = new Int32Array(buffer, table, products.length * tileRecordWords)
  let items = 0
  let macs = 0
  for (const [i, product] of products.entries()) {
    const { left, right, result, m, n, k, resultRow, strides, beside = 0 } = product
    const tilesN = Math.ceil(n / tileN)
    const bias = epilogue.bias === undefined ? 0 : epilogue.bias + 4 * (product.biasColumn ?? 0)
    words.set([left, right, result, m, n, k, items, tilesN, resultRow, bias, ...strides, beside], i * tileRecordWords)
    items += tilesN * Math.ceil(m / tileM)
    macs += m * n * k
  }
  const work = backend.scratch(form.workBytes(tileM, tileN) * backend.threads())
  const grain = Math.max(1, Math.ceil((form.chunk * items) / (macs + 1)))
  const activation = activations[epilogue.activation ?? 'linear']
  const parameters = [tileM, tileN, activation, epilogue.parameter ?? 0, work]
  backend.run(kernel, items, grain, table, products.length, ...parameters)
}

interface Packer {
  /** Where an operand will lie, packed in strips. */
  pack(source: number, rows: number, depth: number, rowStride: number, depthStride: number, width: number): Laid
  /** Packs all that was asked for. */
  run(): void
}

/** One that occurs several times is packed once. */
function createPacker(backend: CpuBackend, form: Form): Packer {
  const seen = new Map<string, number>()
  const records: number[] = []
  let items = 0
  let floats = 0
  return {
    pack(source, rows, depth, rowStride, depthStride, width) {
      const words = width * wordsOf(form, depth)
      const laid = (at: number): Laid => ({ at, row: 0, step: 4 * width, strip: 4 * words })
      const key = `${source} ${rows} ${depth} ${rowStride} ${depthStride} ${width}`
      const known = seen.get(key)
      if (known !== undefined) return laid(known)
      const strips = Math.ceil(rows / width)
      const target = backend.scratch(4 * strips * words)
      seen.set(key, target)
      records.push(source, target, rows, depth, rowStride, depthStride, items, width)
      items += strips
      floats += strips * width * depth
      return laid(target)
    },
    run() {
      if (items === 0) return
      const { address: table, buffer } = backend.stage(4 * records.length)
      new Int32Array(buffer, table, records.length).set(records)
      const grain = Math.max(together, Math.ceil((16_384 * items) / floats))
      backend.run(form.pack!, items, grain, table, records.length / packRecordWords)
    },
  }
}

/** Threads that wait for the last tile may cost so much of a job. */
const idleShare = 0.03

/**
 * The largest tile of which each thread gets enough to even out their speeds, and all of them about as much work.
 * @param products the deepest first.
 */
function chooseTile(form: Form, products: readonly Product[], threads: number): { tileM: number; tileN: number } {
  if (threads === 1) return form.tiles[0]!
  let best = form.tiles.at(-1)!
  let leastIdle = Infinity
  for (const tile of form.tiles) {
    let [items, work, end] = [0, 0, 0]
    for (const { m, n, k } of products) {
      const count = Math.ceil(m / tile.tileM) * Math.ceil(n / tile.tileN)
      items += count
      work += count * k
      // Tiles of one depth end a round of all threads; those of the next products fill it up.
      end = Math.max(end, Math.ceil(work / (threads * k)) * k)
    }
    if (items < 4 * threads) continue
    const idle = (end * threads) / work - 1
    if (idle < leastIdle - idleShare) [best, leastIdle] = [tile, idle]
  }
  return best
}
