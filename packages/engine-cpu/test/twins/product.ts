// Cases of products: lists of products of any shapes, whose operands each target packs its own way, or reads where they
// lie. Padding is NaN, and results lie in wider rows, whose other elements must stay as they are.
import { array, boolean, constantFrom, float, oneof, record } from 'fast-check'
import { gatedName } from '../../src/native/elementwise.ts'
import { amxFloat32Work } from '../../src/native/amx-float32.ts'
import { amxDepth, amxStrips, amxWorkBytes } from '../../src/native/amx-product.ts'
import type { Processor } from '../../src/native/executable.ts'
import { followedBy, stripShape, type StripShape } from '../../src/native/product.ts'
import { activationNames } from '../../src/native/vector-math.ts'
import { anyValues, floats, input, type KernelCases, kernelCases, output, plainValues, small, table } from './case.ts'
import { type Addresses, type Setup, type Target, type Tensor, updated, type Values, work } from './case.ts'
import { runKernel } from './memory.ts'

const recordWords = 16

const strips = (target: Target): StripShape => (target === 'wasm' ? { rows: 6, columns: 8 } : stripShape[target])

/** [rows, depth] as strips of `width` rows, each with the values of a step side by side. */
function pack<T extends Float32Array | Int32Array>(
  values: T,
  rows: number,
  depth: number,
  width: number,
  padding: number,
): T {
  const count = Math.ceil(rows / width) * width
  const packed = values.constructor === Int32Array ? new Int32Array(count * depth) : new Float32Array(count * depth)
  for (let row = 0; row < count; row++)
    for (let k = 0; k < depth; k++)
      packed[(Math.floor(row / width) * depth + k) * width + (row % width)] =
        row < rows ? values[row * depth + k]! : padding
  return packed as T
}

const depth = oneof(
  { arbitrary: small(9), weight: 5 },
  { arbitrary: small(80), weight: 2 },
  { arbitrary: small(520, 250), weight: 1 },
)

const shape = record({
  m: small(33),
  n: small(75),
  k: depth,
  border: small(5, 0),
  hasBias: boolean(),
  /** Read where it lies, if the target can. */
  left: constantFrom('packed', 'columns', 'rows'),
  rightInPlace: boolean(),
})

const common = {
  products: oneof(
    { arbitrary: array(shape, { minLength: 1, maxLength: 1 }), weight: 3 },
    array(shape, { minLength: 2, maxLength: 4 }),
  ),
  tileRows: small(3),
  tileColumns: small(3),
  activation: constantFrom(0, 0, 1, 2, 3, 4, 5),
  parameter: float({ noNaN: true, min: -2, max: 2 }),
}

type Shape = {
  m: number
  n: number
  k: number
  border: number
  hasBias: boolean
  left: 'packed' | 'columns' | 'rows'
  rightInPlace: boolean
}

/** An operand where a kernel reads it: bytes from row to row (0: its rows are neighbours), step to step, strip to strip. */
interface Laid {
  readonly elements: Float32Array
  readonly row: number
  readonly step: number
  readonly strip: number
}

const packedIn = (width: number, depth: number) => ({ row: 0, step: 4 * width, strip: 4 * width * depth })

const packed = (values: Float32Array, rows: number, depth: number, width: number): Laid => ({
  elements: pack(values, rows, depth, width, NaN),
  ...packedIn(width, depth),
})

/** [depth, rows] in longer rows. */
function inColumns(values: Float32Array, rows: number, depth: number, width: number): Laid {
  const stride = rows + 2
  const elements = new Float32Array((depth - 1) * stride + rows).fill(NaN)
  for (let i = 0; i < rows; i++) for (let k = 0; k < depth; k++) elements[k * stride + i] = values[i * depth + k]!
  return { elements, row: 0, step: 4 * stride, strip: 4 * width }
}

/** [rows, depth] in longer rows. */
function inRows(values: Float32Array, rows: number, depth: number, width: number): Laid {
  const stride = depth + 1
  const elements = new Float32Array((rows - 1) * stride + depth).fill(NaN)
  for (let i = 0; i < rows; i++) elements.set(values.subarray(i * depth, (i + 1) * depth), i * stride)
  return { elements, row: 4 * stride, step: 4, strip: 4 * stride * width }
}

const layLeft = { packed, columns: inColumns, rows: inRows }

/** args: records, count of records, tileM, tileN, activation, its parameter, work area. */
function tiles(
  products: readonly Shape[],
  { rows, columns }: StripShape,
  tensors: Record<string, Tensor>,
  laid: (product: Shape) => readonly number[],
  { tileRows, tileColumns, activation, parameter }: Record<string, number>,
  unit?: Unit,
  workBytes = 256,
) {
  const [tileM, tileN] = [tileRows! * rows, tileColumns! * columns]
  let items = 0
  const width = ({ n }: Shape) => (unit?.as === 'value' ? n / 2 : n)
  const places = products.map((product) => {
    const { m } = product
    const first = items
    const tilesN = Math.ceil(width(product) / tileN)
    items += tilesN * Math.ceil(m / tileM)
    return { first, tilesN }
  })
  const records = (at: Addresses) =>
    Int32Array.from(
      products.flatMap((product, i) => {
        const { m, n, k, border, hasBias } = product
        const { first, tilesN } = places[i]!
        const bias = hasBias ? at[`bias${i}`]! : 0
        const addresses = (['left', 'right', 'result'] as const).map((name) => at[`${name}${i}`]!)
        const record = [...addresses, m, width(product), k, first, tilesN, n + border, bias]
        return [...record, ...laid(product), at[`beside${i}`] ?? 0]
      }),
    )
  return {
    tensors: { ...tensors, records: table(4 * recordWords * products.length, records), work: work(workBytes) },
    args: (at: Addresses) => [at['records']!, products.length, tileM, tileN, activation!, parameter!, at['work']!],
    items,
  }
}

const each = (products: readonly Shape[], tensors: (shape: Shape, i: number) => Record<string, Tensor>) =>
  Object.assign({}, ...products.map(tensors)) as Record<string, Tensor>

/** Without the last border, behind which the tensor may end. */
const resultSize = ({ m, n, border }: Shape) => m * (n + border) - border

/** Strides of a product's operands: row, step and strip of the left, step and strip of the right one. */
const strides = (left: Omit<Laid, 'elements'>, right: Omit<Laid, 'elements'>) =>
  [left.row, left.step, left.strip, right.step, right.strip] as const

interface Unit {
  readonly activation: string
  readonly as: 'value' | 'gradient'
}

/** Of products, and perhaps of a gated unit that follows. */
interface Cases {
  readonly plain: 'multiplyTiles' | 'multiplyTilesAmxFloat32' | Bfloat16Kernel
  readonly unit?: Unit
}

/** Shapes that a unit can follow: halves of whole strips for any target, rows that have room for both halves. */
const followable = (products: readonly Shape[], { as }: Unit): Shape[] =>
  products.map((product) => {
    const n = as === 'value' ? 64 * (1 + (product.n % 2)) : product.n
    return { ...product, n, border: product.border + (as === 'value' ? 0 : n), hasBias: false }
  })

/** What follows, by the kernels that do it apart: the products', and WebAssembly's of the unit. */
function unitTensors(
  { plain, unit }: Required<Cases>,
  products: readonly Shape[],
  values: Values,
  target: Target,
  setup: () => Setup,
): Record<string, Tensor> {
  const kernel = gatedName(unit.activation)
  const product = (i: number) => runKernel(plain, target, setup(), [], 0)[`result${i}`] as Float32Array
  return each(products, ({ m, n, border }, i) => {
    const row = n + border
    const rowsOf = (x: Float32Array, width: number) => {
      const rows = new Float32Array(m * width)
      for (let j = 0; j < m; j++) rows.set(x.subarray(j * row, j * row + width), j * width)
      return rows
    }
    // The last row of a gradient has both halves as well.
    const size = m * row - border + (unit.as === 'value' ? 0 : n)
    const inRows = (x: Float32Array, width: number) => {
      const result = output(size).contents({}) as Float32Array
      for (let j = 0; j < m; j++) result.set(x.subarray(j * width, (j + 1) * width), j * row)
      return result
    }
    if (unit.as === 'value') {
      const y = () => {
        const tensors = { x: input(rowsOf(product(i), n)), y: output((m * n) / 2) }
        const args = (at: Addresses) => [at['x']!, at['y']!, n / 2]
        return runKernel(kernel, 'wasm', { tensors, args, items: m }, [], 0)['y'] as Float32Array
      }
      return {
        [`result${i}`]: output(size, { expected: () => inRows(rowsOf(product(i), n), n) }),
        [`beside${i}`]: output((m * n) / 2, { expected: y }),
      }
    }
    const x = floats(2 * m * n, values, 3 * i + 2)
    const gradient = () => {
      const tensors = { dy: input(rowsOf(product(i), n)), x: input(x), dx: output(2 * m * n) }
      const args = (at: Addresses) => [at['dy']!, at['x']!, at['dx']!, n, n, 2 * n]
      const { dx } = runKernel(`${kernel}Grad`, 'wasm', { tensors, args, items: m }, [], 0) as { dx: Float32Array }
      return inRows(dx, 2 * n)
    }
    return { [`result${i}`]: output(size, { expected: gradient }), [`beside${i}`]: input(x) }
  })
}

const multiplyTiles = (unit?: Unit) =>
  kernelCases({
    alone: unit !== undefined,
    parameters: record({ ...common, values: anyValues }),
    setup: ({ products: given, values, ...how }, target) => {
      const products = unit ? followable(given, unit) : given
      const rest = unit ? { ...how, activation: 0 } : how
      const { rows, columns } = strips(target)
      const laid = products.map(({ m, n, k, left, rightInPlace }, i) => {
        const [a, b] = [floats(m * k, values, 3 * i), floats(n * k, values, 3 * i + 1)]
        return {
          left: (target === 'wasm' ? packed : layLeft[left])(a, m, k, rows),
          // With AVX2 the right operand is always packed.
          right: (target === 'avx512' && rightInPlace ? inColumns : packed)(b, n, k, columns),
        }
      })
      const tensors = each(products, (product, i) => ({
        [`left${i}`]: input(laid[i]!.left.elements),
        [`right${i}`]: input(laid[i]!.right.elements),
        [`result${i}`]: output(resultSize(product)),
        ...(product.hasBias && { [`bias${i}`]: input(floats(product.n, values, 3 * i + 2)) }),
      }))
      const laidOf = (product: Shape) => {
        const { left, right } = laid[products.indexOf(product)]!
        return strides(left, right)
      }
      const setup = (of?: Unit, more = {}) =>
        tiles(products, { rows, columns }, { ...tensors, ...more }, laidOf, rest, of)
      if (!unit) return setup()
      return setup(unit, unitTensors({ plain: 'multiplyTiles', unit }, products, values, target, setup))
    },
  })

/** Cuts float32 to bfloat16, and pairs up neighbours. */
function pairs(values: Float32Array): Int32Array {
  const bits = new Uint32Array(values.buffer)
  for (let i = 0; i < bits.length; i++) bits[i]! &= 0xffff0000
  return Int32Array.from({ length: bits.length / 2 }, (_, i) => (bits[2 * i]! >>> 16) | bits[2 * i + 1]!)
}

type Bfloat16Kernel = 'multiplyTilesBfloat16' | 'multiplyTilesAmx'

/** How operands are packed into pairs of bfloat16. */
interface PairsForm {
  readonly strips: StripShape
  /** Steps of a strip are filled up to a multiple of so many, with zeros. */
  readonly steps: number
  /** Steps that a row of the left operand has side by side. */
  readonly block: number
  readonly workBytes?: number
  readonly needs: keyof Processor
}

const pairsForms: Readonly<Record<Bfloat16Kernel, PairsForm>> = {
  multiplyTilesBfloat16: { strips: stripShape.avx512, steps: 1, block: 1, needs: 'bfloat16' },
  multiplyTilesAmx: {
    strips: amxStrips,
    steps: amxDepth / 2,
    block: amxDepth / 2,
    workBytes: amxWorkBytes,
    needs: 'amx',
  },
}

/** [rows, steps] as [rows, more steps]. */
function filled(values: Int32Array, rows: number, steps: number, more: number): Int32Array {
  const result = new Int32Array(rows * more)
  for (let row = 0; row < rows; row++) result.set(values.subarray(row * steps, (row + 1) * steps), row * more)
  return result
}

/** Of packed strips, the steps of each row side by side, `block` at a time. */
function inBlocks(packed: Int32Array, width: number, block: number): Int32Array {
  const result = new Int32Array(packed.length)
  for (let i = 0; i < packed.length; i++) {
    const [line, row] = [Math.floor(i / width), i % width]
    result[(Math.floor(line / block) * width + row) * block + (line % block)] = packed[i]!
  }
  return result
}

/**
 * A step is a pair of bfloat16; the order of additions is the processor's: within a pair, or (AMX) within 16 of them, even
 * and odd numbers apart. Denormals are zeros.
 */
const multiplyBfloat16 = (plain: Bfloat16Kernel, unit?: Unit) => {
  const { strips, steps, block, workBytes, needs } = pairsForms[plain]
  return kernelCases({
    alone: true,
    runsOn: (set, processor) => set === 'avx512' && processor[needs] === true,
    parameters: record({ ...common, activation: constantFrom(0), values: plainValues }),
    setup: ({ products: given, values, ...rest }, target) => {
      const products = unit ? followable(given, unit) : given
      const { rows, columns } = strips
      const stepsOf = (k: number) => Math.ceil(k / steps) * steps
      const tensors = each(products, (product, i) => {
        const { m, n, k, border, hasBias } = product
        const [left, right, bias] = [2 * m * k, 2 * n * k, n].map((count, j) => floats(count, values, 3 * i + j)) as [
          Float32Array,
          Float32Array,
          Float32Array,
        ]
        const more = stepsOf(k)
        const packed = [
          inBlocks(pack(filled(pairs(left), m, k, more), m, more, rows, -1), rows, block),
          pack(filled(pairs(right), n, k, more), n, more, columns, -1),
        ] as const
        const before = new Float32Array(resultSize(product)).fill(3)
        const expected = () => {
          const result = Float64Array.from(before)
          for (let row = 0; row < m; row++)
            for (let column = 0; column < n; column++) {
              let sum = hasBias ? bias[column]! : 0
              for (let j = 0; j < 2 * k; j++) sum += left[row * 2 * k + j]! * right[column * 2 * k + j]!
              result[row * (n + border) + column] = sum
            }
          return result
        }
        // Each of 2k + 1 additions, and of two more for 16 steps of AMX, may err by half a unit of the last place of the
        // largest sum, Σ |a·b| at most: all together by less than 2k + 1 units.
        const size = (x: Float32Array) => x.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
        const absolute = (2 * k + 1) * 2 ** -23 * (2 * k * size(left) * size(right) + size(bias))
        return {
          [`left${i}`]: input(packed[0]),
          [`right${i}`]: input(packed[1]),
          [`result${i}`]: updated(before, { expected, tolerance: { absolute } }),
          ...(hasBias && { [`bias${i}`]: input(bias) }),
        }
      })
      const inRecords = products.map((product) => ({ ...product, k: stepsOf(product.k) }))
      const laidOf = ({ k }: Shape) => strides(packedIn(rows, k), packedIn(columns, k))
      const setup = (of?: Unit, more = {}) =>
        tiles(inRecords, strips, { ...tensors, ...more }, laidOf, rest, of, workBytes)
      if (!unit) return setup()
      return setup(unit, unitTensors({ plain, unit }, products, values, target, setup))
    },
  })
}

/** Where an operand's numbers lie, in elements: a row apart, and a step. */
const layouts = {
  rows: (_rows: number, depth: number) => ({ row: depth + 1, step: 1 }),
  columns: (rows: number) => ({ row: 1, step: rows + 2 }),
  neither: (_rows: number, depth: number) => ({ row: 3 * depth, step: 3 }),
} as const

type Layout = keyof typeof layouts

/** [rows, depth] with NaN between its rows. */
function layOut(values: Float32Array, rows: number, depth: number, layout: Layout) {
  const { row, step } = layouts[layout](rows, depth)
  const elements = new Float32Array((rows - 1) * row + (depth - 1) * step + 1).fill(NaN)
  for (let i = 0; i < rows; i++) for (let k = 0; k < depth; k++) elements[i * row + k * step] = values[i * depth + k]!
  return { elements, row: 4 * row, step: 4 * step }
}

const layout = constantFrom<Layout>('rows', 'columns', 'neither')

/** Operands in any layout; parts of bfloat16 that are subnormal are zeros. */
const multiplyFloat32ByAmx = (unit?: Unit) => {
  const plain = 'multiplyTilesAmxFloat32'
  return kernelCases({
    alone: true,
    runsOn: (set, { amx }) => set === 'avx512' && amx,
    parameters: record({
      ...common,
      activation: constantFrom(0),
      values: oneof(plainValues, unit ? plainValues : anyValues),
      layouts: record({ left: layout, right: layout }),
    }),
    setup: ({ products: given, values, layouts: how, ...rest }, target) => {
      const products = unit ? followable(given, unit) : given
      const laid = products.map(({ m, n, k }, i) => {
        const [left, right] = [floats(m * k, values, 3 * i), floats(n * k, values, 3 * i + 1)]
        return { left, right, a: layOut(left, m, k, how.left), b: layOut(right, n, k, how.right) }
      })
      const tensors = each(products, (product, i) => {
        const { m, n, k, border, hasBias } = product
        const { left, right, a, b } = laid[i]!
        const bias = floats(n, values, 3 * i + 2)
        const before = new Float32Array(resultSize(product)).fill(3)
        let largest = 0
        const result: (number | undefined)[] = [...before]
        for (let row = 0; row < m; row++)
          for (let column = 0; column < n; column++) {
            let [sum, size] = [hasBias ? bias[column]! : 0, hasBias ? Math.abs(bias[column]!) : 0]
            for (let j = 0; j < k; j++) {
              const each = left[row * k + j]! * right[column * k + j]!
              sum += each
              if (Number.isFinite(each)) size += Math.abs(each)
            }
            // Where sums may exceed float32 on the way, it depends on their order.
            const depends = !(size < 2 ** 126)
            result[row * (n + border) + column] = depends ? undefined : sum
            if (!depends) largest = Math.max(largest, size)
          }
        // Of 32 steps the highest parts make 16 additions and two more, and each of six products of parts is added to what
        // there was. No number that AMX multiplies is above 2⁶²; of its partner less than 2⁻¹²⁶ may be left out.
        const absolute = (20 + 6 * Math.ceil(k / amxDepth)) * 2 ** -24 * largest + k * 2 ** -64
        return {
          [`left${i}`]: input(a.elements),
          [`right${i}`]: input(b.elements),
          [`result${i}`]: updated(before, { expected: () => result, tolerance: { absolute } }),
          ...(hasBias && { [`bias${i}`]: input(bias) }),
        }
      })
      const laidOf = (product: Shape) => {
        const { a, b } = laid[products.indexOf(product)]!
        return [a.row, a.step, amxStrips.rows * a.row, b.step, amxStrips.columns * b.row]
      }
      const workBytes =
        amxFloat32Work.bytes +
        amxFloat32Work.perLine * (rest.tileRows * amxStrips.rows + rest.tileColumns * amxStrips.columns)
      const setup = (of?: Unit, more = {}) =>
        tiles(products, amxStrips, { ...tensors, ...more }, laidOf, rest, of, workBytes)
      if (!unit) return setup()
      return setup(unit, unitTensors({ plain, unit }, products, values, target, setup))
    },
  })
}

const ofPlain = {
  multiplyTiles,
  multiplyTilesBfloat16: (unit?: Unit) => multiplyBfloat16('multiplyTilesBfloat16', unit),
  multiplyTilesAmx: (unit?: Unit) => multiplyBfloat16('multiplyTilesAmx', unit),
  multiplyTilesAmxFloat32: multiplyFloat32ByAmx,
}

export const productCases: Readonly<Record<string, KernelCases>> = Object.fromEntries(
  Object.entries(ofPlain).flatMap(([plain, cases]) => [
    [plain, cases()],
    ...activationNames.flatMap((activation) =>
      (['value', 'gradient'] as const).map(
        (as) => [followedBy(plain, activation, as), cases({ activation, as })] as const,
      ),
    ),
  ]),
)
