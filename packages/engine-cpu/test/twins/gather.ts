// Cases of rows that are found by index: sums of the rows that belong together, a mixture's combination, gathers.
import { boolean, record } from 'fast-check'
import {
  anyValues,
  floats,
  input,
  integers,
  type KernelCases,
  kernelCases,
  largest,
  lengths,
  output,
  plainValues,
  rounding,
  small,
  words,
} from './case.ts'

const sorting = { n: small(20), buckets: small(9), width: lengths(32, 150), values: anyValues }

/** Which positions belong to which bucket, as sortByKey leaves them: some buckets have none, some positions no bucket. */
function sorted(n: number, buckets: number, seed: number) {
  const next = words(seed + 5)
  const keys = Array.from({ length: n }, () => (next() % (buckets + 1)) - 1)
  const order = [...keys.keys()].filter((i) => keys[i]! >= 0).toSorted((a, b) => keys[a]! - keys[b]! || a - b)
  const offsets = Array.from({ length: buckets + 1 }, (_, b) => order.filter((i) => keys[i]! < b).length)
  return {
    offsets: input(Int32Array.from(offsets)),
    order: input(Int32Array.from({ length: n }, (_, i) => order[i] ?? -1)),
  }
}

/** args: dy [n, width], offsets, order, out [buckets, width], width. */
const addSortedFloat = kernelCases({
  parameters: record(sorting),
  setup: ({ n, buckets, width, values }) => ({
    tensors: {
      dy: input(floats(n * width, values)),
      ...sorted(n, buckets, values.seed),
      out: output(buckets * width),
    },
    args: (at) => [at['dy']!, at['offsets']!, at['order']!, at['out']!, width],
    items: buckets,
  }),
})

/** args: ys [n, width], weights [n], offsets, order, y [rows, width], width. */
const combine = kernelCases({
  parameters: record(sorting),
  setup: ({ n, buckets, width, values }) => ({
    tensors: {
      ys: input(floats(n * width, values)),
      weights: input(floats(n, values, 1)),
      ...sorted(n, buckets, values.seed),
      y: output(buckets * width),
    },
    args: (at) => [at['ys']!, at['weights']!, at['offsets']!, at['order']!, at['y']!, width],
    items: buckets,
  }),
})

/** args: dy [rows, width], ys [n, width], target [n], weights [n], dys [n, width], dweights [n], width, rows. */
const combineGrad = kernelCases({
  parameters: record({ ...sorting, values: plainValues }),
  setup: ({ n, buckets: rows, width, values }) => {
    const dy = floats(rows * width, values)
    const ys = floats(n * width, values, 1)
    const target = integers(n, -1, rows + 1, values.seed)
    const dweights = () =>
      Float64Array.from(target, (row, slot) => {
        let sum = 0
        for (let i = 0; row >= 0 && row < rows && i < width; i++) sum += dy[row * width + i]! * ys[slot * width + i]!
        return sum
      })
    const absolute = width * (width + 8) * rounding * largest(dy) * largest(ys)
    return {
      tensors: {
        dy: input(dy),
        ys: input(ys),
        target: input(target),
        weights: input(floats(n, values, 2)),
        dys: output(n * width),
        dweights: output(n, { expected: dweights, tolerance: { absolute } }),
      },
      args: (at) => {
        const tensors = [at['dy']!, at['ys']!, at['target']!, at['weights']!, at['dys']!, at['dweights']!]
        return [...tensors, width, rows]
      },
      items: n,
    }
  },
})

/** args: x [batch, outer, size, width], indices [batch, count], out, width, size, outer, count. */
const gatherWords = kernelCases({
  parameters: record({
    batch: small(3),
    outer: small(3),
    size: small(9),
    count: small(9),
    width: lengths(32, 1100),
    values: anyValues,
  }),
  setup: ({ batch, outer, size, count, width, values }) => ({
    tensors: {
      x: input(floats(batch * outer * size * width, values)),
      indices: input(integers(batch * count, -1, size + 1, values.seed)),
      out: output(batch * outer * count * width),
    },
    args: (at) => [at['x']!, at['indices']!, at['out']!, width, size, outer, count],
    items: batch * outer * count,
  }),
})

/** args: x [B, T, H, D], y, cos [T, R/2], sin [T, R/2], T, H, D, R, –, inverse. */
const rotary = kernelCases({
  parameters: record({
    batch: small(2),
    positions: small(5),
    heads: small(3),
    half: lengths(16, 40),
    rest: small(40, 0),
    inverse: boolean(),
    values: anyValues,
  }),
  setup: ({ batch, positions, heads, half, rest, inverse, values }) => {
    const width = 2 * half + rest
    const count = batch * positions * heads * width
    return {
      tensors: {
        x: input(floats(count, values)),
        y: output(count),
        cos: input(floats(positions * half, values, 1)),
        sin: input(floats(positions * half, values, 2)),
      },
      args: (at) => [at['x']!, at['y']!, at['cos']!, at['sin']!, positions, heads, width, 2 * half, 0, Number(inverse)],
      items: batch * positions,
    }
  },
})

export const gatherCases: Readonly<Record<string, KernelCases>> = {
  addSortedFloat,
  combine,
  combineGrad,
  gatherWords,
  rotaryHalves: rotary,
  rotaryNeighbours: rotary,
}
