// Cases of softmax, its logarithm and cross-entropy over rows. Exponentials are summed in an order of each kernel's own:
// what they must come to is computed in float64.
import { constantFrom, oneof, record } from 'fast-check'
import {
  floats,
  input,
  integers,
  type KernelCases,
  kernelCases,
  largest,
  lengths,
  oddValues,
  output,
  plainValues,
  rounding,
  small,
  withOdd,
} from './case.ts'

const shape = { rows: small(6), width: lengths(2048, 2600), values: plainValues, odd: oddValues }

type Row = Float32Array

const rowsOf = (x: Float32Array, width: number): Row[] =>
  Array.from({ length: x.length / width }, (_, i) => x.subarray(i * width, (i + 1) * width))

/** NaN if one is. */
const maximum = (row: Row): number => row.reduce((a, b) => (a > b || Number.isNaN(a) ? a : b), -Infinity)

/** log Σ e^(x − largest) and the largest. */
function logSum(row: Row): { top: number; rest: number } {
  const top = maximum(row)
  return { top, rest: Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0)) }
}

/** Of e^(x − largest): the difference is rounded before it is an exponent, of at most 88. */
const exponential = 200 * rounding

const softmaxOf = (map: (row: Row) => Iterable<number>, tolerance: { relative: number; absolute: number }) =>
  kernelCases({
    parameters: record(shape),
    setup: ({ rows, width, values, odd }) => {
      const x = withOdd(floats(rows * width, values), odd, values.seed)
      const expected = () => Float64Array.from(rowsOf(x, width).flatMap((row) => [...map(row)]))
      return {
        tensors: { x: input(x), y: output(rows * width, { expected, tolerance }) },
        args: (at) => [at['x']!, at['y']!, width],
        items: rows,
      }
    },
  })

const softmaxRows = softmaxOf(
  (row) => {
    const { top, rest } = logSum(row)
    return row.values().map((x) => Math.exp(x - top - rest))
  },
  { relative: exponential, absolute: 1.2e-38 },
)

const logSoftmaxRows = softmaxOf(
  (row) => {
    const { top, rest } = logSum(row)
    return row.values().map((x) => x - top - rest)
  },
  { relative: 8 * rounding, absolute: exponential },
)

const targets = {
  ...shape,
  width: lengths(256, 2200),
  ignore: constantFrom(-100, 0, 3),
  zLoss: oneof(constantFrom(0, 1e-4, 0.05)),
}

/** Targets in [−2, V + 2): some outside, some ignored. */
const targetsOf = (rows: number, width: number, seed: number) => integers(rows, -2, width + 2, seed + 1)

/** args: logits [rows, V], targets, losses, lse, V, ignoreIndex, zLoss. */
const crossEntropy = kernelCases({
  parameters: record({ ...targets, scale: constantFrom(1, 1, 1e30) }),
  setup: ({ rows, width, values, odd, ignore, zLoss, scale }) => {
    const x = withOdd(
      floats(rows * width, values).map((value) => value * scale),
      odd,
      values.seed,
    )
    const chosen = targetsOf(rows, width, values.seed)
    const sums = rowsOf(x, width).map(logSum)
    const lse = () => sums.map(({ top, rest }) => top + rest)
    const losses = sums.map(({ top, rest }, i) => {
      const target = chosen[i]!
      if (target === ignore) return 0
      const value = target >= 0 && target < width ? x[i * width + target]! : NaN
      return Math.fround(top - value + rest + zLoss * (top + rest) ** 2)
    })
    const absolute = 8 * rounding * (largest(sums.map(({ top }) => 2 * top)) + 30 + largest(losses))
    return {
      tensors: {
        x: input(x),
        targets: input(chosen),
        losses: output(rows, { expected: () => losses, tolerance: { absolute } }),
        lse: output(rows, { expected: lse, tolerance: { relative: 4 * rounding, absolute: exponential } }),
      },
      args: (at) => [at['x']!, at['targets']!, at['losses']!, at['lse']!, width, ignore, zLoss],
      items: rows,
    }
  },
})

/** args: dlosses, logits, targets, lse, dlogits, V, ignoreIndex, zLoss. */
const crossEntropyGrad = kernelCases({
  parameters: record(targets),
  setup: ({ rows, width, values, odd, ignore, zLoss }) => {
    const x = withOdd(floats(rows * width, values), odd, values.seed)
    const d = floats(rows, values, 1)
    const chosen = targetsOf(rows, width, values.seed)
    const lse = Float32Array.from(rowsOf(x, width), (row) => {
      const { top, rest } = logSum(row)
      return top + rest
    })
    const expected = () =>
      Float64Array.from(x, (value, i) => {
        const row = Math.floor(i / width)
        if (chosen[row] === ignore) return 0
        const factor = d[row]! * (1 + 2 * zLoss * lse[row]!)
        return Math.exp(value - lse[row]!) * factor - (i % width === chosen[row] ? d[row]! : 0)
      })
    // Next to the target's own gradient the probability may be lost.
    const size = largest(d) * (1 + 2 * zLoss * largest(lse))
    const tolerance = { relative: exponential, absolute: exponential * size }
    return {
      tensors: {
        d: input(d),
        x: input(x),
        targets: input(chosen),
        lse: input(lse),
        dx: output(rows * width, { expected, tolerance }),
      },
      args: (at) => [at['d']!, at['x']!, at['targets']!, at['lse']!, at['dx']!, width, ignore, zLoss],
      items: rows,
    }
  },
})

export const rowCases: Readonly<Record<string, KernelCases>> = {
  softmaxRows,
  logSoftmaxRows,
  crossEntropy,
  crossEntropyGrad,
}
