// Grouped products: each member of a mixture multiplies its own rows by its own matrix. The rows of member e are the
// slots offsets[e] … offsets[e + 1]; a member without any costs nothing.
import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { CpuBackend } from '../backend.ts'
import { multiply } from '../products.ts'
import { defineKernel } from '../register.ts'

/** Slots of each member as [first, count], inside 0 … slots whatever the tensor holds. */
function memberSlots(backend: CpuBackend, offsets: TensorInfo, slots: number): [first: number, count: number][] {
  const bounds = Array.from(backend.values(offsets), (offset) => Math.min(slots, Math.max(0, offset)))
  return bounds.slice(1).map((end, e) => [bounds[e]!, Math.max(0, end - bounds[e]!)])
}

/** x [N, K], w [E, M, K] (transposeB) or [E, K, M], offsets [E + 1] → y [N, M]; slots of no member are zero. */
defineKernel('mixlab.GroupedMatMul', ({ backend, inputs: { x, w, offsets }, attrs }) => {
  const [slots, k] = x!.shape as [number, number]
  const transposeB = attrs.transposeB as boolean
  const n = w!.shape[transposeB ? 1 : 2]!
  const y = backend.output([slots, n], 'float32')
  const [left, right, result] = [backend.pointer(x!), backend.pointer(w!), backend.pointer(y)]
  const members = memberSlots(backend, offsets!, slots)
  const products = members.map(([first, m], e) => ({
    left: left + 4 * first * k,
    right: right + 4 * e * n * k,
    result: result + 4 * first * n,
    m,
    n,
    k,
    leftRow: k,
    leftDepth: 1,
    rightDepth: transposeB ? 1 : n,
    rightColumn: transposeB ? k : 1,
    resultRow: n,
  }))
  multiply(backend, products, { precision: backend.precision() })
  zeroOutside(backend, result, members, slots, n)
  return y
})

function zeroOutside(
  backend: CpuBackend,
  result: number,
  members: readonly [first: number, count: number][],
  slots: number,
  n: number,
): void {
  let done = 0
  for (const [first, count] of [...members, [slots, 0] as const]) {
    if (first > done) backend.run('fillFloat', (first - done) * n, 16_384, result + 4 * done * n, 0)
    done = Math.max(done, first + count)
  }
}

/** x [N, K], dy [N, M], offsets [E + 1] → the gradient of w, zero for a member without slots. */
defineKernel('mixlab.GroupedMatMulGradW', ({ backend, inputs: { x, dy, offsets }, attrs }) => {
  const [slots, inner] = x!.shape as [number, number]
  const outer = dy!.shape[1]!
  const memberCount = offsets!.shape[0]! - 1
  const [rows, columns] = attrs.transposeB ? [dy!, x!] : [x!, dy!]
  const [m, n] = attrs.transposeB ? [outer, inner] : [inner, outer]
  const dw = backend.output([memberCount, m, n], 'float32')
  const [left, right, result] = [backend.pointer(rows), backend.pointer(columns), backend.pointer(dw)]
  const products = memberSlots(backend, offsets!, slots).map(([first, k], e) => ({
    left: left + 4 * first * m,
    right: right + 4 * first * n,
    result: result + 4 * e * m * n,
    m,
    n,
    k,
    leftRow: 1,
    leftDepth: m,
    rightDepth: n,
    rightColumn: 1,
    resultRow: n,
  }))
  multiply(backend, products, { precision: backend.precision() })
  return dw
})
