// Cases of the norms and their gradients. Sums over a row are compared with float64; what is summed over rows, in an order that
// is told, has WebAssembly's bits.
import { boolean, constantFrom, oneof, record } from 'fast-check'
import {
  floats,
  input,
  type KernelCases,
  kernelCases,
  largest,
  lengths,
  oddValues,
  output,
  plainValues,
  rounding,
  small,
  sum,
  withOdd,
} from './case.ts'

const blockRows = 32

const shape = {
  rows: small(5),
  width: lengths(256, 700),
  values: plainValues,
  odd: oddValues,
  hasWeight: boolean(),
  eps: constantFrom(1e-5, 1e-6, 0.1),
}
/** So many rows that there are several blocks of them, now and then. */
const manyRows = { ...shape, rows: oneof(small(9), small(70, 30)), width: lengths(64, 140) }

const rowOf = (x: Float32Array, row: number, width: number) => x.subarray(row * width, (row + 1) * width)
const range = (count: number) => Array.from({ length: count }, (_, i) => i)
const dot = (a: Float32Array, b: Float32Array, c?: Float32Array) =>
  sum(range(a.length).map((i) => a[i]! * b[i]! * (c?.[i] ?? 1)))
const sizes = (a: Float32Array, b: Float32Array, c?: Float32Array) =>
  sum(range(a.length).map((i) => Math.abs(a[i]! * b[i]! * (c?.[i] ?? 1))))

/** Of a sum of so many numbers, relative to the sum of their sizes; and what comes after it. */
const summing = (width: number) => (width + 16) * rounding

/** args: x, weight (0: none), y, rstd [rows], width, eps. */
const rmsNorm = kernelCases({
  parameters: record(shape),
  setup: ({ rows, width, values, odd, hasWeight, eps }) => {
    const x = withOdd(floats(rows * width, values), odd, values.seed)
    const weight = floats(width, values, 1)
    const rstd = range(rows).map((row) => 1 / Math.sqrt(dot(rowOf(x, row, width), rowOf(x, row, width)) / width + eps))
    const y = () =>
      Float64Array.from(x, (value, i) => value * rstd[Math.floor(i / width)]! * (hasWeight ? weight[i % width]! : 1))
    const tolerance = { relative: summing(width), absolute: 1e-44 }
    return {
      tensors: {
        x: input(x),
        ...(hasWeight && { weight: input(weight) }),
        y: output(rows * width, { expected: y, tolerance }),
        rstd: output(rows, { expected: () => rstd, tolerance }),
      },
      args: (at) => [at['x']!, at['weight'] ?? 0, at['y']!, at['rstd']!, width, eps],
      items: rows,
    }
  },
})

/** args: dy, x, weight (0: none), rstd, dx, partials, rows, width. */
const rmsNormGrad = kernelCases({
  parameters: record(manyRows),
  setup: ({ rows, width, values, odd, hasWeight, eps }) => {
    const dy = floats(rows * width, values, 1)
    const x = withOdd(floats(rows * width, values), odd, values.seed)
    const weight = floats(width, values, 2)
    const w = hasWeight ? weight : new Float32Array(width).fill(1)
    const each = range(rows).map((row) => [rowOf(dy, row, width), rowOf(x, row, width)] as const)
    const rstd = Float32Array.from(each, ([, h]) => 1 / Math.sqrt(dot(h, h) / width + eps))
    const expected = () =>
      Float64Array.from(
        each.flatMap(([d, h], row) => {
          const r = rstd[row]!
          const back = (dot(d, h, w) * r ** 3) / width
          return range(width).map((i) => r * d[i]! * w[i]! - h[i]! * back)
        }),
      )
    const absolute =
      summing(width) *
      largest(
        each.map(([d, h], row) => {
          const r = rstd[row]!
          return r * largest(d) * largest(w) + (largest(h) * r ** 3 * sizes(d, h, w)) / width
        }),
      )
    const blocks = Math.ceil(rows / blockRows)
    return {
      tensors: {
        dy: input(dy),
        x: input(x),
        ...(hasWeight && { weight: input(weight), partials: output(blocks * width) }),
        rstd: input(rstd),
        dx: output(rows * width, { expected, tolerance: { absolute } }),
      },
      args: (at) => [at['dy']!, at['x']!, at['weight'] ?? 0, at['rstd']!, at['dx']!, at['partials'] ?? 0, rows, width],
      items: blocks,
    }
  },
})

/** Mean and 1 / √variance of rows, with bounds of their errors. */
function moments(x: Float32Array, rows: number, width: number, eps: number) {
  return range(rows).map((row) => {
    const values = rowOf(x, row, width)
    const mean = sum(values) / width
    const variance = sum(values.values().map((value) => (value - mean) ** 2)) / width
    const meanError = summing(width) * largest(values)
    const deviation = largest(values.values().map((value) => value - mean))
    return {
      mean,
      rstd: 1 / Math.sqrt(variance + eps),
      meanError,
      rstdError: summing(width) + (2 * meanError * deviation) / (variance + eps),
      deviation,
    }
  })
}

/** args: x, weight, bias (0: none), y, mean [rows], rstd [rows], width, eps. */
const layerNorm = kernelCases({
  parameters: record(shape),
  setup: ({ rows, width, values, odd, hasWeight: hasBias, eps }) => {
    const x = withOdd(floats(rows * width, values), odd, values.seed)
    const [weight, bias] = [floats(width, values, 1), floats(width, values, 2)]
    const found = moments(x, rows, width, eps)
    const y = () =>
      Float64Array.from(x, (value, i) => {
        const { mean, rstd } = found[Math.floor(i / width)]!
        return (value - mean) * rstd * weight[i % width]! + (hasBias ? bias[i % width]! : 0)
      })
    const worst = largest(
      found.map(
        ({ rstd, meanError, rstdError, deviation }) => rstd * (meanError + deviation * (rstdError + 8 * rounding)),
      ),
    )
    const relative = largest(found.map(({ rstdError }) => rstdError))
    return {
      tensors: {
        x: input(x),
        weight: input(weight),
        ...(hasBias && { bias: input(bias) }),
        y: output(rows * width, {
          expected: y,
          tolerance: { absolute: worst * largest(weight) + 2 * rounding * largest(bias) },
        }),
        mean: output(rows, {
          expected: () => found.map(({ mean }) => mean),
          tolerance: { absolute: largest(found.map(({ meanError }) => meanError)) },
        }),
        rstd: output(rows, { expected: () => found.map(({ rstd }) => rstd), tolerance: { relative } }),
      },
      args: (at) => [at['x']!, at['weight']!, at['bias'] ?? 0, at['y']!, at['mean']!, at['rstd']!, width, eps],
      items: rows,
    }
  },
})

/** args: dy, x, weight, mean, rstd, dx, weightPartials, biasPartials (0: none), rows, width. */
const layerNormGrad = kernelCases({
  parameters: record(manyRows),
  setup: ({ rows, width, values, odd, hasWeight: hasBias, eps }) => {
    const dy = floats(rows * width, values, 1)
    const x = withOdd(floats(rows * width, values), odd, values.seed)
    const weight = floats(width, values, 2)
    const found = moments(x, rows, width, eps)
    const mean = Float32Array.from(found, (row) => row.mean)
    const rstd = Float32Array.from(found, (row) => row.rstd)
    const each = range(rows).map((row) => {
      const h = Float64Array.from(rowOf(x, row, width), (value) => (value - mean[row]!) * rstd[row]!)
      const g = Float64Array.from(rowOf(dy, row, width), (value, i) => value * weight[i]!)
      return { h, g, r: rstd[row]! }
    })
    const expected = () =>
      Float64Array.from(
        each.flatMap(({ h, g, r }) => {
          const averageG = sum(g) / width
          const averageGH = sum(g.values().map((value, i) => value * h[i]!)) / width
          return range(width).map((i) => r * (g[i]! - averageG - h[i]! * averageGH))
        }),
      )
    const absolute =
      2 * summing(width) * largest(each.map(({ h, g, r }) => r * largest(g) * (2 + largest(h) * (1 + largest(h)))))
    const blocks = Math.ceil(rows / blockRows)
    return {
      tensors: {
        dy: input(dy),
        x: input(x),
        weight: input(weight),
        mean: input(mean),
        rstd: input(rstd),
        dx: output(rows * width, { expected, tolerance: { absolute } }),
        partials: output(blocks * width),
        ...(hasBias && { biasPartials: output(blocks * width) }),
      },
      args: (at) => {
        const tensors = [at['dy']!, at['x']!, at['weight']!, at['mean']!, at['rstd']!, at['dx']!, at['partials']!]
        return [...tensors, at['biasPartials'] ?? 0, rows, width]
      },
      items: blocks,
    }
  },
})

export const normCases: Readonly<Record<string, KernelCases>> = { rmsNorm, rmsNormGrad, layerNorm, layerNormGrad }
