// RMS norm and layer norm over the last axis, forward and backward: the twins of assembly/norm.ts. Sums run over vectors
// and then over a vector's lanes, so that their last bits are not WebAssembly's.
import type { KernelFrame, Write } from './kernel.ts'
import type { Int, Mask, Place, Program, Vector } from './program.ts'
import { sumLanes } from './transpose.ts'

/** Rows of a block of the weights' gradients: ROWS of assembly/norm.ts. */
const blockRows = 32

/** Σ over a row, in all lanes. */
function rowSum(p: Program, width: Int, term: (at: Int, sum: Vector, mask?: Mask) => void): Vector {
  const sum = p.zero()
  p.elements(width, (at, mask) => term(at, sum, mask))
  return p.broadcast(sumLanes(p, sum))
}

/** 1 / n as float in all lanes. */
function reciprocal(p: Program, n: Int): Vector {
  const double = p.doubleFromInt(n)
  return p.div(p.constant(1), p.broadcast(p.three('doubleToFloat', double, double)))
}

const rowOf = ({ p, pointer }: KernelFrame, i: number, row: Int, bytes: Int): Int =>
  p.plus(pointer(i), p.times(row, bytes))

/** The argument as an address, or 0 where it is 0: for what may be absent. */
const optional = ({ p, integer, memory }: KernelFrame, i: number): Int => {
  const offset = integer(i)
  p.if(offset, '!=', 0, () => p.increase(offset, memory))
  return offset
}

const root = (p: Program, meanSquare: Vector, eps: Vector): Vector =>
  p.div(p.constant(1), p.two('sqrt', p.add(meanSquare, eps)))

/** args: x, weight (0: none), y, rstd [rows], width, eps. Item: a row. */
function rmsNorm(frame: KernelFrame): void {
  const { p, begin, end, integer, float, pointer } = frame
  const width = integer(4)
  const bytes = p.shifted(width, 'left', 2)
  const weight = optional(frame, 1)
  const [x, y] = [rowOf(frame, 0, begin, bytes), rowOf(frame, 2, begin, bytes)]
  const scale = reciprocal(p, width)
  const eps = float(5)
  const saved = pointer(3)
  p.range(begin, end, 1, (row) => {
    const sum = rowSum(p, width, (at, total, mask) => {
      const value = p.load({ base: x, index: at }, mask)
      p.accumulate(total, value, value)
    })
    const rstd = root(p, p.mul(sum, scale), eps)
    p.storeScalar({ base: saved, index: row, scale: 4 }, rstd, 4)
    const write = (gain?: (at: Int, mask?: Mask) => Vector) =>
      p.elements(width, (at, mask) => {
        const value = p.mul(p.load({ base: x, index: at }, mask), rstd)
        p.store({ base: y, index: at }, gain ? p.mul(value, gain(at, mask)) : value, mask)
      })
    p.if(
      weight,
      '!=',
      0,
      () => write((at, mask) => p.load({ base: weight, index: at }, mask)),
      () => write(),
    )
    for (const at of [x, y]) p.increase(at, bytes)
  })
}

/** args: dy, x, weight (0: none), rstd, dx, partials, rows, width. Item: a block of 32 rows. */
function rmsNormGrad(frame: KernelFrame): void {
  const { p, begin, end, integer, pointer } = frame
  const width = integer(7)
  const bytes = p.shifted(width, 'left', 2)
  const weight = optional(frame, 2)
  const average = reciprocal(p, width)
  p.range(begin, end, 1, (block) => {
    const partial = rowOf(frame, 5, block, bytes)
    p.if(weight, '!=', 0, () => zeroRow(p, partial, width))
    const first = p.times(block, blockRows)
    const [dy, x, dx] = [0, 1, 4].map((i) => rowOf(frame, i, first, bytes)) as [Int, Int, Int]
    p.range(first, p.smaller(integer(6), p.plus(first, blockRows)), 1, (row) => {
      const rstd = p.broadcast({ base: pointer(3), index: row, scale: 4 })
      const sum = p.zero()
      p.if(
        weight,
        '!=',
        0,
        () =>
          p.elements(width, (at, mask) => {
            const product = p.mul(p.load({ base: dy, index: at }, mask), p.load({ base: x, index: at }, mask))
            p.accumulate(sum, product, p.load({ base: weight, index: at }, mask))
            const place = { base: partial, index: at }
            p.store(place, p.fma(product, rstd, p.load(place, mask)), mask)
          }),
        () =>
          p.elements(width, (at, mask) => {
            p.accumulate(sum, p.load({ base: dy, index: at }, mask), p.load({ base: x, index: at }, mask))
          }),
      )
      const cube = p.mul(p.mul(rstd, rstd), rstd)
      const dot = p.mul(p.mul(p.broadcast(sumLanes(p, sum)), cube), average)
      const write = (gain?: (at: Int, mask?: Mask) => Vector) =>
        p.elements(width, (at, mask) => {
          const d = p.mul(p.load({ base: dy, index: at }, mask), rstd)
          const back = p.mul(p.load({ base: x, index: at }, mask), dot)
          p.store({ base: dx, index: at }, p.sub(gain ? p.mul(d, gain(at, mask)) : d, back), mask)
        })
      p.if(
        weight,
        '!=',
        0,
        () => write((at, mask) => p.load({ base: weight, index: at }, mask)),
        () => write(),
      )
      for (const at of [dy, x, dx]) p.increase(at, bytes)
    })
  })
}

function zeroRow(p: Program, to: Int, width: Int): void {
  const none = p.zero()
  p.elements(width, (at, mask) => p.store({ base: to, index: at }, none, mask))
}

/** args: x, weight, bias (0: none), y, mean [rows], rstd [rows], width, eps. Item: a row. */
function layerNorm(frame: KernelFrame): void {
  const { p, begin, end, integer, float, pointer } = frame
  const width = integer(6)
  const bytes = p.shifted(width, 'left', 2)
  const weight = pointer(1)
  const bias = optional(frame, 2)
  const [x, y] = [rowOf(frame, 0, begin, bytes), rowOf(frame, 3, begin, bytes)]
  const scale = reciprocal(p, width)
  p.range(begin, end, 1, (row) => {
    const mean = p.mul(
      rowSum(p, width, (at, sum, mask) => p.update('add', sum, p.load({ base: x, index: at }, mask))),
      scale,
    )
    const squares = rowSum(p, width, (at, sum, mask) => {
      const d = p.sub(p.load({ base: x, index: at }, mask), mean)
      const seen = mask ? p.keep(mask, d) : d
      p.accumulate(sum, seen, seen)
    })
    const rstd = root(p, p.mul(squares, scale), float(7))
    p.storeScalar({ base: pointer(4), index: row, scale: 4 }, mean, 4)
    p.storeScalar({ base: pointer(5), index: row, scale: 4 }, rstd, 4)
    const write = (shift?: (at: Int, mask?: Mask) => Place) =>
      p.elements(width, (at, mask) => {
        const h = p.mul(p.sub(p.load({ base: x, index: at }, mask), mean), rstd)
        const value = p.mul(h, p.load({ base: weight, index: at }, mask))
        p.store({ base: y, index: at }, shift ? p.add(value, p.load(shift(at), mask)) : value, mask)
      })
    p.if(
      bias,
      '!=',
      0,
      () => write((at) => ({ base: bias, index: at })),
      () => write(),
    )
    for (const at of [x, y]) p.increase(at, bytes)
  })
}

/** args: dy, x, weight, mean, rstd, dx, weightPartials, biasPartials (0: none), rows, width. Item: a block of 32 rows. */
function layerNormGrad(frame: KernelFrame): void {
  const { p, begin, end, integer, pointer } = frame
  const width = integer(9)
  const bytes = p.shifted(width, 'left', 2)
  const weight = pointer(2)
  const average = reciprocal(p, width)
  p.range(begin, end, 1, (block) => {
    const partial = rowOf(frame, 6, block, bytes)
    const biasPartial = optional(frame, 7)
    zeroRow(p, partial, width)
    p.if(biasPartial, '!=', 0, () => {
      p.increase(biasPartial, p.times(block, bytes))
      zeroRow(p, biasPartial, width)
    })
    const first = p.times(block, blockRows)
    const [dy, x, dx] = [0, 1, 5].map((i) => rowOf(frame, i, first, bytes)) as [Int, Int, Int]
    p.range(first, p.smaller(integer(8), p.plus(first, blockRows)), 1, (row) => {
      const mean = p.broadcast({ base: pointer(3), index: row, scale: 4 })
      const rstd = p.broadcast({ base: pointer(4), index: row, scale: 4 })
      const centred = (at: Int, mask?: Mask) => p.mul(p.sub(p.load({ base: x, index: at }, mask), mean), rstd)
      const sum = p.zero()
      const dot = p.zero()
      p.elements(width, (at, mask) => {
        const d = p.load({ base: dy, index: at }, mask)
        const h = centred(at, mask)
        const g = p.mul(d, p.load({ base: weight, index: at }, mask))
        p.update('add', sum, g)
        p.accumulate(dot, g, h)
        const place = { base: partial, index: at }
        p.store(place, p.fma(d, h, p.load(place, mask)), mask)
      })
      p.if(biasPartial, '!=', 0, () =>
        p.elements(width, (at, mask) => {
          const place = { base: biasPartial, index: at }
          p.store(place, p.add(p.load({ base: dy, index: at }, mask), p.load(place, mask)), mask)
        }),
      )
      const averageG = p.mul(p.broadcast(sumLanes(p, sum)), average)
      const averageGH = p.mul(p.broadcast(sumLanes(p, dot)), average)
      p.elements(width, (at, mask) => {
        const g = p.mul(p.load({ base: dy, index: at }, mask), p.load({ base: weight, index: at }, mask))
        const rest = p.sub(p.sub(g, averageG), p.mul(centred(at, mask), averageGH))
        p.store({ base: dx, index: at }, p.mul(rstd, rest), mask)
      })
      for (const at of [dy, x, dx]) p.increase(at, bytes)
    })
  })
}

export const normKernels: Readonly<Record<string, Write>> = { rmsNorm, rmsNormGrad, layerNorm, layerNormGrad }
