// Grouped products: each member of a mixture multiplies its own rows by its own matrix. The rows of member e are the
// slots offsets[e] … offsets[e + 1]; a member without any costs nothing.
import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { CpuBackend } from '../backend.ts'
import { multiply, type Product, spreads } from '../products.ts'
import { defineKernel } from '../register.ts'
import { gatedGrain, gatedKernel } from './activation.ts'

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

/** Both gradients of a grouped product as one list. */
defineKernel('mixlab.GroupedMatMulGrad', ({ backend, inputs, attrs }) => {
  const { dy, x, w, offsets } = inputs as Record<'dy' | 'x' | 'w' | 'offsets', TensorInfo>
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

/** x [N, K], w [E, 2F, K], offsets [E + 1] → act(gate) · up [N, F], and gate ‖ up [N, 2F]. */
defineKernel('mixlab.GroupedGatedUnit', ({ backend, inputs: { x, w, offsets }, attrs }) => {
  const slots = x!.shape[0]!
  const width = w!.shape[1]! / 2
  const pre = backend.output([slots, 2 * width], 'float32')
  multiplyGrouped(backend, rowsOf(backend, x!), w!, memberSlots(backend, offsets!, slots), pre, true)
  const y = backend.output([slots, width], 'float32')
  const args = [backend.pointer(pre), backend.pointer(y), width]
  backend.run(gatedKernel(attrs.activation), width === 0 ? 0 : slots, gatedGrain(width), ...args)
  return [y, pre]
})

/** Both gradients of one gradient of gate ‖ up, whose rows are laid so that products can read it where it lies. */
defineKernel('mixlab.GroupedGatedUnitGrad', ({ backend, inputs, attrs }) => {
  const { dy, x, w, pre, offsets } = inputs as Record<'dy' | 'x' | 'w' | 'pre' | 'offsets', TensorInfo>
  const [slots, width] = dy.shape as [number, number]
  const row = spreads(2 * width) ? 2 * width : 2 * width + 16
  const d: Rows = { at: backend.scratch(4 * slots * row), columns: 2 * width, row }
  const args = [backend.pointer(dy), backend.pointer(pre), d.at, width, row]
  backend.run(`${gatedKernel(attrs.activation)}Grad`, width === 0 ? 0 : slots, gatedGrain(width), ...args)
  const dx = backend.output(x.shape, 'float32')
  const dw = backend.output(w.shape, 'float32')
  const members = memberSlots(backend, offsets, slots)
  multiplyGrouped(backend, d, w, members, dx, false)
  const products = weightProducts(members, d, rowsOf(backend, x), backend.pointer(dw))
  multiply(backend, products, { precision: backend.precision() })
  return [dx, dw]
})
