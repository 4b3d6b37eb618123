// Grouped products: each member of a mixture multiplies its own rows by its own matrix. The rows of member e are the
// slots offsets[e] … offsets[e + 1]; a member without any costs nothing.
import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { CpuBackend } from '../backend.ts'
import { multiplyGated } from '../gated-products.ts'
import { multiply, type Product, spreads } from '../products.ts'
import { defineKernel, type KernelCall } from '../register.ts'

/** Slots of each member as [first, count], inside 0 … slots whatever the tensor holds. */
function memberSlots(backend: CpuBackend, offsets: TensorInfo, slots: number): [first: number, count: number][] {
  const bounds = Array.from(backend.values(offsets), (offset) => Math.min(slots, Math.max(0, offset)))
  return bounds.slice(1).map((end, e) => [bounds[e]!, Math.max(0, end - bounds[e]!)])
}

type Members = readonly (readonly [first: number, count: number])[]

/** Where a matrix begins, its columns, and how far its rows are apart. */
interface Rows {
  readonly at: number
  readonly columns: number
  readonly row: number
}

const rowsOf = (backend: CpuBackend, x: TensorInfo): Rows => {
  const columns = x.shape[1]!
  return { at: backend.pointer(x), columns, row: columns }
}

/** Of each member: its slots of x [N, K] times its matrix of w [E, M, K] (transposeB) or [E, K, M]. */
const productsOf = (members: Members, x: Rows, w: number, result: Rows, transposeB: boolean): Product[] =>
  members.map(([first, m], e) => ({
    left: x.at + 4 * first * x.row,
    right: w + 4 * e * result.columns * x.columns,
    result: result.at + 4 * first * result.row,
    m,
    n: result.columns,
    k: x.columns,
    leftRow: x.row,
    leftDepth: 1,
    rightDepth: transposeB ? 1 : result.columns,
    rightColumn: transposeB ? x.columns : 1,
    resultRow: result.row,
  }))

/** Of each member: leftᵀ · right over its slots, into its matrix at `result`. */
const weightProducts = (members: Members, left: Rows, right: Rows, result: number): Product[] =>
  members.map(([first, k], e) => ({
    left: left.at + 4 * first * left.row,
    right: right.at + 4 * first * right.row,
    result: result + 4 * e * left.columns * right.columns,
    m: left.columns,
    n: right.columns,
    k,
    leftRow: 1,
    leftDepth: left.row,
    rightDepth: right.row,
    rightColumn: 1,
    resultRow: right.columns,
  }))

/** x [N, K], w [E, M, K] (transposeB) or [E, K, M], offsets [E + 1] → y [N, M]; slots of no member are zero. */
defineKernel('mixlab.GroupedMatMul', ({ backend, inputs: { x, w, offsets }, attrs }) => {
  const transposeB = attrs.transposeB as boolean
  const y = backend.output([x!.shape[0]!, w!.shape[transposeB ? 1 : 2]!], 'float32')
  multiplyGrouped(backend, rowsOf(backend, x!), w!, memberSlots(backend, offsets!, x!.shape[0]!), y, transposeB)
  return y
})

function multiplyGrouped(
  backend: CpuBackend,
  x: Rows,
  w: TensorInfo,
  members: Members,
  y: TensorInfo,
  transposeB: boolean,
): void {
  const result = rowsOf(backend, y)
  const products = productsOf(members, x, backend.pointer(w), result, transposeB)
  multiply(backend, products, { precision: backend.precision() })
  zeroOutside(backend, result.at, members, y.shape[0]!, result.columns)
}

function zeroOutside(backend: CpuBackend, result: number, members: Members, slots: number, n: number): void {
  let done = 0
  for (const [first, count] of [...members, [slots, 0] as const]) {
    if (first > done) backend.run('fillFloat', (first - done) * n, 16_384, result + 4 * done * n, 0)
    done = Math.max(done, first + count)
  }
}

/** x [N, K], dy [N, M], offsets [E + 1] → the gradient of w, zero for a member without slots. */
defineKernel('mixlab.GroupedMatMulGradW', ({ backend, inputs: { x, dy, offsets }, attrs }) => {
  const [left, right] = (attrs.transposeB ? [dy!, x!] : [x!, dy!]).map((each) => rowsOf(backend, each)) as [Rows, Rows]
  const dw = backend.output([offsets!.shape[0]! - 1, left.columns, right.columns], 'float32')
  const products = weightProducts(memberSlots(backend, offsets!, x!.shape[0]!), left, right, backend.pointer(dw))
  multiply(backend, products, { precision: backend.precision() })
  return dw
})

type Tensors<Name extends string> = Record<Name, TensorInfo>

/** Both gradients of a grouped product as one list. */
defineKernel('mixlab.GroupedMatMulGrad', ({ backend, inputs, attrs }) => {
  const { dy, x, w, offsets } = inputs as Tensors<'dy' | 'x' | 'w' | 'offsets'>
  const transposeB = attrs.transposeB as boolean
  const [dx, dw] = [backend.output(x.shape, 'float32'), backend.output(w.shape, 'float32')]
  const [slots, dys, dxs] = [x, dy, dx].map((each) => rowsOf(backend, each)) as [Rows, Rows, Rows]
  const members = memberSlots(backend, offsets, x.shape[0]!)
  const [left, right] = transposeB ? [dys, slots] : [slots, dys]
  const products = [
    ...productsOf(members, dys, backend.pointer(w), dxs, !transposeB),
    ...weightProducts(members, left, right, backend.pointer(dw)),
  ]
  multiply(backend, products, { precision: backend.precision() })
  zeroOutside(backend, dxs.at, members, x.shape[0]!, dxs.columns)
  return [dx, dw]
})

/** x [N, K], w [E, 2F, K], down [E, M, F], offsets [E + 1] → y [N, M], gate ‖ up [N, 2F], act(gate) · up [N, F]. */
defineKernel('mixlab.GroupedGatedExperts', ({ backend, inputs, attrs }) => {
  const { x, w, down, offsets } = inputs as Tensors<'x' | 'w' | 'down' | 'offsets'>
  const slots = x.shape[0]!
  const width = w.shape[1]! / 2
  const [y, pre, hidden] = [down.shape[1]!, 2 * width, width].map((n) => backend.output([slots, n], 'float32')) as [
    TensorInfo,
    TensorInfo,
    TensorInfo,
  ]
  const members = memberSlots(backend, offsets, slots)
  const rows = rowsOf(backend, hidden)
  const products = productsOf(members, rowsOf(backend, x), backend.pointer(w), rowsOf(backend, pre), true)
  multiplyGated(backend, besides(products, members, rows), gatedOf(backend, attrs, 'value'))
  multiplyGrouped(backend, rows, down, members, y, true)
  return [y, pre, hidden]
})

/** The gradients of all three of one gradient of gate ‖ up, whose rows are laid so that products can read it where it lies. */
defineKernel('mixlab.GroupedGatedExpertsGrad', ({ backend, inputs, attrs }) => {
  const { dy, x, w, down, pre, hidden, offsets } = inputs as Tensors<
    'dy' | 'x' | 'w' | 'down' | 'pre' | 'hidden' | 'offsets'
  >
  const [slots, width] = hidden.shape as [number, number]
  const row = spreads(2 * width) ? 2 * width : 2 * width + 16
  const at = backend.scratch(4 * slots * row)
  const [dx, dw, dDown] = [x, w, down].map(({ shape }) => backend.output(shape, 'float32')) as [
    TensorInfo,
    TensorInfo,
    TensorInfo,
  ]
  const members = memberSlots(backend, offsets, slots)
  const dys = rowsOf(backend, dy)
  const products = productsOf(members, dys, backend.pointer(down), { at, columns: width, row }, false)
  multiplyGated(backend, besides(products, members, rowsOf(backend, pre)), gatedOf(backend, attrs, 'gradient'))
  const d: Rows = { at, columns: 2 * width, row }
  const dxs = rowsOf(backend, dx)
  const all = [
    ...productsOf(members, d, backend.pointer(w), dxs, false),
    ...weightProducts(members, d, rowsOf(backend, x), backend.pointer(dw)),
    ...weightProducts(members, dys, rowsOf(backend, hidden), backend.pointer(dDown)),
  ]
  multiply(backend, all, { precision: backend.precision() })
  zeroOutside(backend, dxs.at, members, slots, dxs.columns)
  return [dx, dw, dDown]
})

const gatedOf = (backend: CpuBackend, attrs: KernelCall['attrs'], as: 'value' | 'gradient') => ({
  precision: backend.precision(),
  unit: { activation: attrs['activation'] as string, as },
})

const besides = (products: readonly Product[], members: Members, { at, row }: Rows) =>
  products.map((product, e) => ({ ...product, beside: at + 4 * members[e]![0] * row }))
