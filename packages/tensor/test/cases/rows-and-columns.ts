import { embedding, gatherColumns, gatherRows, scatterAddRows, scatterColumns, type tf } from '../../src/index.ts'
import { fromRows, integers, normals, type OperationCase, randomIntegers, rowsOf, zeros } from './case.ts'

const gather = (rows: number, width: number, indices: number[]): OperationCase => ({
  name: `gatherRows [${rows}, ${width}] at ${indices.join(' ')}`,
  kernels: ['GatherRows', 'ScatterAddRows'],
  inputs: (rng) => ({ x: normals(rng, [rows, width]), indices: integers([indices.length], indices) }),
  run: (inputs) => [gatherRows(inputs['x'] as tf.Tensor2D, inputs['indices'] as tf.Tensor1D)],
  naive: ({ x }) => [
    fromRows([indices.length, width], (n, d) => (indices[n]! < 0 ? 0 : rowsOf(x!).at(indices[n]!, d))),
  ],
  gradients: ['x'],
})

const scatter = (rows: number, width: number, indices: number[]): OperationCase => ({
  name: `scatterAddRows [${indices.length}, ${width}] at ${indices.join(' ')}`,
  kernels: ['ScatterAddRows', 'GatherRows'],
  inputs: (rng) => ({ source: normals(rng, [indices.length, width]), indices: integers([indices.length], indices) }),
  run: (inputs) => [scatterAddRows(inputs['source'] as tf.Tensor2D, inputs['indices'] as tf.Tensor1D, rows)],
  naive({ source }) {
    const x = zeros(rows, width)
    for (const [n, row] of indices.entries()) {
      if (row >= 0) for (let d = 0; d < width; d++) x.values[row * width + d]! += source!.values[n * width + d]!
    }
    return [x]
  },
  gradients: ['source'],
})

const columns = (width: number, indices: number[][]): OperationCase => {
  const shape = [indices.length, indices[0]?.length ?? 2]
  return {
    name: `gatherColumns of ${width} at ${JSON.stringify(indices)}`,
    kernels: ['GatherColumns', 'ScatterColumns'],
    inputs: (rng) => ({ x: normals(rng, [indices.length, width]), indices: integers(shape, indices.flat()) }),
    run: (inputs) => [gatherColumns(inputs['x'] as tf.Tensor2D, inputs['indices'] as tf.Tensor2D)],
    naive: ({ x }) => [fromRows(shape, (t, j) => (indices[t]![j]! < 0 ? 0 : rowsOf(x!).at(t, indices[t]![j]!)))],
    gradients: ['x'],
  }
}

const intoColumns = (width: number, indices: number[][]): OperationCase => {
  const shape = [indices.length, indices[0]?.length ?? 2]
  return {
    name: `scatterColumns into ${width} at ${JSON.stringify(indices)}`,
    kernels: ['ScatterColumns', 'GatherColumns'],
    inputs: (rng) => ({ source: normals(rng, shape), indices: integers(shape, indices.flat()) }),
    run: (inputs) => [scatterColumns(inputs['source'] as tf.Tensor2D, inputs['indices'] as tf.Tensor2D, width)],
    naive({ source }) {
      const x = zeros(indices.length, width)
      for (const [t, row] of indices.entries()) {
        for (const [j, column] of row.entries()) {
          if (column >= 0) x.values[t * width + column]! += rowsOf(source!).at(t, j)
        }
      }
      return [x]
    },
    gradients: ['source'],
  }
}

const embeddingCase: OperationCase = {
  name: 'embedding of a matrix of ids',
  kernels: ['GatherRows', 'ScatterAddRows'],
  inputs: (rng) => ({ table: normals(rng, [5, 3]), ids: randomIntegers(rng, [2, 4], 0, 5) }),
  run: (inputs) => [embedding(inputs['table']!, inputs['ids']!)],
  naive: ({ table, ids }) => [fromRows([2, 4, 3], (n, d) => rowsOf(table!).at(ids!.values[n]!, d))],
  gradients: ['table'],
}

export const rowAndColumnCases: readonly OperationCase[] = [
  gather(4, 3, [2, 0, 2, -1, 3, 2]),
  gather(1, 1, [0]),
  gather(3, 35, [1, -1]),
  gather(3, 2, []),
  gather(2, 4, [-1, -1]),
  scatter(4, 3, [2, 0, 2, -1, 3]),
  scatter(3, 37, [1, 1, 1]),
  scatter(2, 3, []),
  columns(5, [
    [4, 0],
    [-1, 2],
    [3, 3],
  ]),
  columns(1, [[0]]),
  columns(4, []),
  intoColumns(5, [
    [4, 0],
    [-1, 2],
    [3, 3],
  ]),
  intoColumns(3, [[2]]),
  embeddingCase,
]
