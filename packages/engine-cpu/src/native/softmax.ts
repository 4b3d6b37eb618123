// Softmax, its logarithm, and cross-entropy over the last axis: the twins of assembly/softmax.ts. Exponentials are summed
// in float32 within runs of 2048, and in float64 from run to run.
import type { KernelFrame, Write } from './kernel.ts'
import type { Int, Program, Vector } from './program.ts'
import { maxLanes, sumLanes } from './transpose.ts'
import { expFlushed, log } from './vector-math.ts'

/** Elements whose exponentials are added in float32. */
const run = 2048

/** The largest of a row in all lanes; NaN if one is. */
function rowMax(p: Program, x: Int, width: Int): Vector {
  const largest = p.broadcast(p.constant(-Infinity))
  const odd = p.zero()
  p.elements(width, (at, mask) => {
    const value = p.load({ base: x, index: at }, mask)
    const seen = mask ? p.select(mask, value, p.constant(-Infinity)) : value
    p.assign(largest, p.max(seen, largest))
    // A maximum loses NaN: it is kept apart.
    p.assign(odd, p.three('or', odd, p.keep(p.compare(seen, 'unordered', seen), seen)))
  })
  const result = p.broadcast(maxLanes(p, largest))
  const bits = p.maskBits(p.compare(odd, 'unordered', odd))
  p.if(bits, '!=', 0, () => p.assign(result, p.broadcast(p.constant(NaN))))
  return result
}

/** Σ e^(x − shift) as a float64 scalar; with `y`, the terms are stored there. */
function sumExp(p: Program, x: Int, width: Int, shift: Vector, y?: Int): Vector {
  const total = p.zero()
  const left = p.copy(width)
  const from = p.copy(x)
  const to = y && p.copy(y)
  p.while(left, '>', 0, () => {
    const sum = p.zero()
    p.elements(p.smallerThan(left, run), (at, mask) => {
      const e = expFlushed(p, p.sub(p.load({ base: from, index: at }, mask), shift))
      const seen = mask ? p.keep(mask, e) : e
      if (to) p.store({ base: to, index: at }, seen, mask)
      p.update('add', sum, seen)
    })
    const lane = sumLanes(p, sum)
    p.update('addDouble', total, p.three('floatToDouble', lane, lane))
    p.increase(from, 4 * run)
    if (to) p.increase(to, 4 * run)
    p.increase(left, -run)
  })
  return total
}

const toFloat = (p: Program, double: Vector): Vector => p.broadcast(p.three('doubleToFloat', double, double))

const rows = ({ p, pointer, begin }: KernelFrame, i: number, bytes: Int): Int =>
  p.plus(pointer(i), p.times(begin, bytes))

/** args: x, y, width. Item: a row. */
function softmaxRows(frame: KernelFrame): void {
  const { p, begin, end, integer } = frame
  const width = integer(2)
  const bytes = p.shifted(width, 'left', 2)
  const [x, y] = [rows(frame, 0, bytes), rows(frame, 1, bytes)]
  p.range(begin, end, 1, () => {
    const scale = p.div(p.constant(1), toFloat(p, sumExp(p, x, width, rowMax(p, x, width), y)))
    p.elements(width, (at, mask) => {
      const place = { base: y, index: at }
      p.store(place, p.mul(p.load(place, mask), scale), mask)
    })
    for (const at of [x, y]) p.increase(at, bytes)
  })
}

/** args: x, y, width. Item: a row. */
function logSoftmaxRows(frame: KernelFrame): void {
  const { p, begin, end, integer } = frame
  const width = integer(2)
  const bytes = p.shifted(width, 'left', 2)
  const [x, y] = [rows(frame, 0, bytes), rows(frame, 1, bytes)]
  p.range(begin, end, 1, () => {
    const largest = rowMax(p, x, width)
    const rest = log(p, toFloat(p, sumExp(p, x, width, largest)))
    p.elements(width, (at, mask) => {
      const value = p.sub(p.sub(p.load({ base: x, index: at }, mask), largest), rest)
      p.store({ base: y, index: at }, value, mask)
    })
    for (const at of [x, y]) p.increase(at, bytes)
  })
}

/** args: logits [rows, V], targets, losses, lse, V, ignoreIndex, zLoss. A target outside [0, V) gives NaN. Item: a row. */
function crossEntropy(frame: KernelFrame): void {
  const { p, begin, end, integer, float, pointer } = frame
  const width = integer(4)
  const bytes = p.shifted(width, 'left', 2)
  const x = rows(frame, 0, bytes)
  p.range(begin, end, 1, (row) => {
    const largest = rowMax(p, x, width)
    const rest = log(p, toFloat(p, sumExp(p, x, width, largest)))
    const lse = p.add(largest, rest)
    const target = p.loadInt({ base: pointer(1), index: row, scale: 4 }, 'int32')
    const loss = p.zero()
    p.if(target, '!=', integer(5), () => {
      p.assign(loss, p.broadcast(p.constant(NaN)))
      p.if(target, '>=', 0, () =>
        p.if(target, '<', width, () => {
          const chosen = p.broadcast({ base: x, index: target, scale: 4 })
          // The difference first: it is small where both are large.
          // lse² may be infinite, which times a weight of 0 would be no number.
          p.assign(loss, p.fma(p.mul(lse, float(6)), lse, p.add(p.sub(largest, chosen), rest)))
        }),
      )
    })
    p.storeScalar({ base: pointer(2), index: row, scale: 4 }, loss, 4)
    p.storeScalar({ base: pointer(3), index: row, scale: 4 }, lse, 4)
    p.increase(x, bytes)
  })
}

/** args: dlosses, logits, targets, lse, dlogits, V, ignoreIndex, zLoss. Item: a row. */
function crossEntropyGrad(frame: KernelFrame): void {
  const { p, begin, end, integer, float, pointer } = frame
  const width = integer(5)
  const bytes = p.shifted(width, 'left', 2)
  const [x, dx] = [rows(frame, 1, bytes), rows(frame, 4, bytes)]
  p.range(begin, end, 1, (row) => {
    const target = p.loadInt({ base: pointer(2), index: row, scale: 4 }, 'int32')
    p.if(
      target,
      '==',
      integer(6),
      () => {
        const none = p.zero()
        p.elements(width, (at, mask) => p.store({ base: dx, index: at }, none, mask))
      },
      () => {
        const d = p.broadcast({ base: pointer(0), index: row, scale: 4 })
        const lse = p.broadcast({ base: pointer(3), index: row, scale: 4 })
        const twice = p.add(lse, lse)
        const scale = p.mul(d, p.fma(twice, float(7), p.constant(1)))
        p.elements(width, (at, mask) => {
          const e = expFlushed(p, p.sub(p.load({ base: x, index: at }, mask), lse))
          p.store({ base: dx, index: at }, p.mul(e, scale), mask)
        })
        p.if(target, '>=', 0, () =>
          p.if(target, '<', width, () => {
            const place = { base: dx, index: target, scale: 4 } as const
            p.storeScalar(place, p.sub(p.loadScalar(place, 4), d), 4)
          }),
        )
      },
    )
    for (const at of [x, dx]) p.increase(at, bytes)
  })
}

export const softmaxKernels: Readonly<Record<string, Write>> = {
  softmaxRows,
  logSoftmaxRows,
  crossEntropy,
  crossEntropyGrad,
}
