import { layerNorm, rmsNorm } from '../../src/index.ts'
import { fromRows, normals, type OperationCase, rowsOf, sum } from './case.ts'

const eps = 1e-3

const rms = (shape: number[], weighted: boolean): OperationCase => ({
  name: `rmsNorm [${shape.join(', ')}]${weighted ? ' with weight' : ''}`,
  kernels: ['RmsNorm', 'RmsNormGrad'],
  inputs: (rng) => ({ x: normals(rng, shape), ...(weighted && { weight: normals(rng, [shape.at(-1)!]) }) }),
  run: ({ x, weight }) => [rmsNorm(x!, weight, eps)],
  naive({ x, weight }) {
    const { width, at } = rowsOf(x!)
    const scale = (row: number) => Math.sqrt(sum(width, (i) => at(row, i) ** 2) / width + eps)
    return [fromRows(x!.shape, (row, i) => (at(row, i) / scale(row)) * (weight?.values[i] ?? 1))]
  },
  gradients: weighted ? ['x', 'weight'] : ['x'],
})

const layer = (shape: number[], biased: boolean): OperationCase => ({
  name: `layerNorm [${shape.join(', ')}]${biased ? ' with bias' : ''}`,
  kernels: ['LayerNorm', 'LayerNormGrad'],
  inputs: (rng) => ({
    x: normals(rng, shape),
    weight: normals(rng, [shape.at(-1)!]),
    ...(biased && { bias: normals(rng, [shape.at(-1)!]) }),
  }),
  run: ({ x, weight, bias }) => [layerNorm(x!, weight!, bias, eps)],
  naive({ x, weight, bias }) {
    const { width, at } = rowsOf(x!)
    return [
      fromRows(x!.shape, (row, i) => {
        const mean = sum(width, (j) => at(row, j)) / width
        const deviation = Math.sqrt(sum(width, (j) => (at(row, j) - mean) ** 2) / width + eps)
        return ((at(row, i) - mean) / deviation) * weight!.values[i]! + (bias?.values[i] ?? 0)
      }),
    ]
  },
  gradients: biased ? ['x', 'weight', 'bias'] : ['x', 'weight'],
})

export const normCases: readonly OperationCase[] = [
  rms([2, 3, 5], true),
  rms([4, 8], false),
  rms([1, 1], true),
  rms([1, 67], true),
  rms([0, 4], true),
  layer([2, 3, 5], true),
  layer([4, 8], false),
  layer([1, 67], true),
  layer([0, 4], true),
]
