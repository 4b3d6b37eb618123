// Elementwise kernels: the twins of assembly/unary.ts, binary.ts and gated.ts. A new function of one or two tensors is
// one line in `unary` or `binary`.
import type { KernelFrame, Write } from './kernel.ts'
import type { Int, Program, Vector } from './program.ts'
import {
  absolute,
  activate,
  activateBoth,
  activateGrad,
  activationNames,
  type ActivationName,
  erf,
  exp,
  expm1,
  largerOf,
  log,
  log1p,
  negate,
  sigmoid,
  smallerOf,
  softplus,
  tanh,
} from './vector-math.ts'

/** Of the gated unit of an activation. */
export const gatedName = (name: string): string => `gated${name[0]!.toUpperCase()}${name.slice(1)}`

/** BLOCK of assembly/lanes.ts. */
const block = 2048

type Unary = (p: Program, x: Vector, a: Vector, b: Vector) => Vector

export const unary: Readonly<Record<string, Unary>> = {
  neg: negate,
  abs: absolute,
  exp,
  expm1,
  log,
  log1p,
  sqrt: (p, x) => p.two('sqrt', x),
  rsqrt: (p, x) => p.div(p.constant(1), p.two('sqrt', x)),
  square: (p, x) => p.mul(x, x),
  reciprocal: (p, x) => p.div(p.constant(1), x),
  sigmoid,
  tanh,
  erf,
  relu6: (p, x) => smallerOf(p, largerOf(p, x, p.constant(0)), p.constant(6)),
  elu: (p, x) => p.select(p.compare(x, 'greaterEqual', p.constant(0)), x, expm1(p, x)),
  leakyRelu: (p, x, a) => p.select(p.compare(x, 'less', p.constant(0)), p.mul(a, x), x),
  softplus,
  floor: (p, x) => p.round(x, 1),
  ceil: (p, x) => p.round(x, 2),
  round: (p, x) => p.round(x, 0),
  clip: (p, x, a, b) => {
    const low = p.select(p.compare(x, 'less', a), a, x)
    return p.select(p.compare(x, 'greater', b), b, low)
  },
  ...Object.fromEntries(activationNames.map((name) => [name, (p: Program, x: Vector) => activate(p, name, x)])),
}

const withParameters = new Set(['leakyRelu', 'clip'])

type Binary = (p: Program, a: Vector, b: Vector) => Vector

/** The larger or smaller of two; NaN if either is, and −0 below +0. */
function extreme(p: Program, name: 'max' | 'min', a: Vector, b: Vector): Vector {
  const both = p.three(name === 'max' ? 'and' : 'or', p.three(name, a, b), p.three(name, b, a))
  return p.select(p.compare(a, 'unordered', b), p.add(a, b), both)
}

const activationGradients = activationNames.map(
  (name) => [`${name}Grad`, (p: Program, a: Vector, b: Vector) => p.mul(a, activateGrad(p, name, b))] as const,
)

export const binary: Readonly<Record<string, Binary>> = {
  add: (p, a, b) => p.add(a, b),
  sub: (p, a, b) => p.sub(a, b),
  mul: (p, a, b) => p.mul(a, b),
  div: (p, a, b) => p.div(a, b),
  max: (p, a, b) => extreme(p, 'max', a, b),
  min: (p, a, b) => extreme(p, 'min', a, b),
  squaredDifference: (p, a, b) => {
    const d = p.sub(a, b)
    return p.mul(d, d)
  },
  eluGrad: (p, a, b) => {
    const slope = p.select(p.compare(b, 'greaterEqual', p.constant(0)), p.constant(1), p.add(b, p.constant(1)))
    return p.mul(a, slope)
  },
  ...Object.fromEntries(activationGradients),
}

/** args: x, y, n, a, b. Item: a block of 2048 elements. */
const map =
  (name: string): Write =>
  ({ p, begin, end, pointer, integer, float }) => {
    const first = p.times(begin, block)
    const count = p.minus(p.smaller(integer(2), p.times(end, block)), first)
    const x = p.address({ base: pointer(0), index: first, scale: 4 })
    const y = p.address({ base: pointer(1), index: first, scale: 4 })
    const [a, b] = withParameters.has(name) ? [float(3), float(4)] : []
    p.elements(count, (at, mask) => {
      const value = unary[name]!(p, p.load({ base: x, index: at }, mask), a!, b!)
      p.store({ base: y, index: at }, value, mask)
    })
  }

/** Element offset of an inner row within operand a (0) or b (1): see assembly/broadcast.ts. */
function rowOffset({ p, integer }: KernelFrame, args: Int, row: Int, which: 0 | 1): Int {
  const offset = p.int(0)
  const rest = p.copy(row)
  const axis = p.minus(integer(6), 1)
  const slot = p.plus(args, 0)
  p.increase(slot, p.times(axis, 24))
  p.while(axis, '>=', 0, () => {
    const size = p.loadInt({ base: slot, displacement: 8 * 7 }, 'float64')
    const stride = p.loadInt({ base: slot, displacement: 8 * (8 + which) }, 'float64')
    const next = p.copy(rest)
    p.if(axis, '>', 0, () => {
      const above = p.quotient(rest, size)
      p.set(next, above)
      p.set(rest, p.minus(rest, p.times(above, size)))
    })
    p.increase(offset, p.times(rest, stride))
    p.set(rest, next)
    p.increase(slot, -24)
    p.increase(axis, -1)
  })
  return offset
}

/** args: a, b, out, length, blocks, mode, rank, then rank × (size, strideA, strideB). Item: a block of an inner row. */
const mapPairs =
  (name: string): Write =>
  (frame) => {
    const { p, begin, end, args, pointer, integer } = frame
    const f = binary[name]!
    const item = p.copy(begin)
    p.while(item, '<', end, () => {
      const blocks = integer(4)
      const row = p.quotient(item, blocks)
      const first = p.times(p.minus(item, p.times(row, blocks)), block)
      const length = integer(3)
      const count = p.copy(p.minus(length, first))
      p.if(count, '>', block, () => p.set(count, block))
      const operand = (which: 0 | 1) =>
        p.address({ base: pointer(which), index: rowOffset(frame, args, row, which), scale: 4 })
      const [a, b] = [operand(0), operand(1)]
      const out = p.address({ base: pointer(2), index: p.plus(p.times(row, length), first), scale: 4 })
      // Rows of one element, and the like: as many as follow would be one row.
      const mode = integer(5)
      const shifted = (from: Int) => p.address({ base: from, index: first, scale: 4 })
      const inner = (left: (at: Int, mask?: never) => Vector, right: (at: Int, mask?: never) => Vector) =>
        p.elements(count, (at, mask) =>
          p.store({ base: out, index: at }, f(p, left(at, mask as never), right(at, mask as never)), mask),
        )
      const each = (from: Int) => (at: Int, mask?: never) => p.load({ base: from, index: at }, mask)
      p.if(
        mode,
        '==',
        0,
        () => inner(each(shifted(a)), each(shifted(b))),
        () =>
          p.if(
            mode,
            '==',
            1,
            () => {
              const one = p.broadcast({ base: b })
              inner(each(shifted(a)), () => one)
            },
            () => {
              const one = p.broadcast({ base: a })
              inner(() => one, each(shifted(b)))
            },
          ),
      )
      p.increase(item, 1)
    })
  }

interface GatedRow {
  /** The gate's columns, `half` bytes before those of up. */
  readonly x: Int
  readonly columns: Int
  readonly half: Int
}

/** y = act(gate) · up. */
export function gatedRow(
  p: Program,
  name: ActivationName,
  { x, y, columns, half }: GatedRow & { readonly y: Int },
): void {
  const up = p.plus(x, half)
  p.elements(columns, (at, mask) => {
    const active = activate(p, name, p.load({ base: x, index: at }, mask))
    p.store({ base: y, index: at }, p.mul(active, p.load({ base: up, index: at }, mask)), mask)
  })
}

/** The gradient, gate ‖ up like x; dy may lie where that of the gate goes. */
export function gatedGradRow(
  p: Program,
  name: ActivationName,
  { x, dy, dx, columns, half }: GatedRow & { readonly dy: Int; readonly dx: Int },
): void {
  const [up, dUp] = [p.plus(x, half), p.plus(dx, half)]
  p.elements(columns, (at, mask) => {
    const gate = p.load({ base: x, index: at }, mask)
    const d = p.load({ base: dy, index: at }, mask)
    const scaled = p.mul(d, p.load({ base: up, index: at }, mask))
    const { value, slope } = activateBoth(p, name, gate)
    p.store({ base: dx, index: at }, p.mul(scaled, slope), mask)
    p.store({ base: dUp, index: at }, p.mul(d, value), mask)
  })
}

/** args: x [rows, 2F], y [rows, F], F. Item: a row. */
const gated =
  (name: ActivationName): Write =>
  ({ p, begin, end, pointer, integer }) => {
    const width = integer(2)
    const bytes = p.shifted(width, 'left', 2)
    const gate = p.plus(pointer(0), p.shifted(p.times(begin, bytes), 'left', 1))
    const y = p.plus(pointer(1), p.times(begin, bytes))
    p.range(begin, end, 1, () => {
      gatedRow(p, name, { x: gate, y, columns: width, half: bytes })
      p.increase(gate, p.shifted(bytes, 'left', 1))
      p.increase(y, bytes)
    })
  }

/** args: dy [rows, dyRow], x [rows, 2F], dx [rows, dxRow], F, dyRow, dxRow. Item: a row. */
const gatedGrad =
  (name: ActivationName): Write =>
  ({ p, begin, end, pointer, integer }) => {
    const width = integer(3)
    const bytes = p.shifted(width, 'left', 2)
    const both = p.shifted(bytes, 'left', 1)
    const [dyRow, dxRow] = [4, 5].map((i) => p.shifted(integer(i), 'left', 2)) as [Int, Int]
    const dy = p.plus(pointer(0), p.times(begin, dyRow))
    const x = p.plus(pointer(1), p.times(begin, both))
    const dx = p.plus(pointer(2), p.times(begin, dxRow))
    p.range(begin, end, 1, () => {
      gatedGradRow(p, name, { dy, x, dx, columns: width, half: bytes })
      p.increase(x, both)
      p.increase(dx, dxRow)
      p.increase(dy, dyRow)
    })
  }

export const elementwiseKernels: Readonly<Record<string, Write>> = Object.fromEntries([
  ...Object.keys(unary).map((name) => [`${name}Float`, map(name)] as const),
  ...Object.keys(binary).map((name) => [`${name}Float`, mapPairs(name)] as const),
  ...activationNames.flatMap((name) => [
    [gatedName(name), gated(name)] as const,
    [`${gatedName(name)}Grad`, gatedGrad(name)] as const,
  ]),
])
