// Cases of sums and extrema over rows and columns, whole or in chunks.
import { constantFrom, record } from 'fast-check'
import {
  anyValues,
  floats,
  input,
  type KernelCases,
  kernelCases,
  largest,
  lengths,
  output,
  plainValues,
  rounding,
  small,
  sum,
} from './case.ts'

const columnBlock = 1024
const scales = constantFrom(1, 1, 0.25, 1 / 3)

/** args: x [outer, length, width], out [outer, chunks, width], length, width, chunk, chunks, blocks, scale. */
const columns = kernelCases({
  parameters: record({
    outer: small(3),
    length: small(12),
    width: lengths(columnBlock, 1300),
    chunk: small(12),
    scale: scales,
    values: anyValues,
  }),
  setup: ({ outer, length, width, chunk, scale, values }) => {
    const chunks = Math.ceil(length / chunk)
    const blocks = Math.ceil(width / columnBlock)
    return {
      tensors: { x: input(floats(outer * length * width, values)), out: output(outer * chunks * width) },
      args: (at) => [at['x']!, at['out']!, length, width, chunk, chunks, blocks, scale],
      items: outer * chunks * blocks,
    }
  },
})

const rowShape = { rows: small(5), length: lengths(256, 1500), chunk: lengths(256, 1500) }

/** The chunks of all rows. */
function cut(x: Float32Array, length: number, chunk: number): Float32Array[] {
  return Array.from({ length: x.length / length }, (_, row) => x.subarray(row * length, (row + 1) * length)).flatMap(
    (row) => Array.from({ length: Math.ceil(length / chunk) }, (_, i) => row.subarray(i * chunk, (i + 1) * chunk)),
  )
}

/** args: x, out, length, chunk, chunks, scale. */
const sumRows = kernelCases({
  parameters: record({ ...rowShape, scale: scales, values: plainValues }),
  setup: ({ rows, length, chunk, scale, values }) => {
    const x = floats(rows * length, values)
    const chunks = Math.ceil(length / chunk)
    const expected = () => cut(x, length, chunk).map((part) => sum(part) * scale)
    const tolerance = { absolute: 300 * rounding * Math.min(chunk, length) * largest(x) }
    return {
      tensors: { x: input(x), out: output(rows * chunks, { expected, tolerance }) },
      args: (at) => [at['x']!, at['out']!, length, chunk, chunks, scale],
      items: rows * chunks,
    }
  },
})

const extremeRows = kernelCases({
  parameters: record({ ...rowShape, values: anyValues }),
  setup: ({ rows, length, chunk, values }) => {
    const chunks = Math.ceil(length / chunk)
    return {
      tensors: { x: input(floats(rows * length, values)), out: output(rows * chunks) },
      args: (at) => [at['x']!, at['out']!, length, chunk, chunks],
      items: rows * chunks,
    }
  },
})

export const reduceCases: Readonly<Record<string, KernelCases>> = {
  sumRows,
  maxRowsFloat: extremeRows,
  minRowsFloat: extremeRows,
  sumColumnsFloat: columns,
  maxColumnsFloat: columns,
  minColumnsFloat: columns,
}
