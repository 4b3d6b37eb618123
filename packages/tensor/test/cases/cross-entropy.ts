import { crossEntropy, type tf } from '../../src/index.ts'
import { integers, normals, type OperationCase, rowsOf, sum, zeros } from './case.ts'

const crossEntropyCase = (
  rows: number,
  classes: number,
  targets: number[],
  zLoss = 0,
  ignoreIndex = -100,
): OperationCase => ({
  name: `crossEntropy [${rows}, ${classes}], targets ${targets.join(' ')}${zLoss ? ', z-loss' : ''}`,
  kernels: ['CrossEntropy', 'CrossEntropyGrad'],
  inputs: (rng) => ({ logits: normals(rng, [rows, classes], 3), targets: integers([rows], targets) }),
  run(inputs) {
    const { loss, losses, count } = crossEntropy(inputs['logits'] as tf.Tensor2D, inputs['targets'] as tf.Tensor1D, {
      ignoreIndex,
      zLoss,
    })
    return [loss, losses, count]
  },
  naive({ logits }) {
    const { at } = rowsOf(logits!)
    const losses = zeros(rows)
    for (let t = 0; t < rows; t++) {
      if (targets[t] === ignoreIndex) continue
      const top = Math.max(...Array.from({ length: classes }, (_, c) => at(t, c)))
      const lse = top + Math.log(sum(classes, (c) => Math.exp(at(t, c) - top)))
      losses.values[t] = lse - at(t, targets[t]!) + zLoss * lse ** 2
    }
    const count = targets.filter((target) => target !== ignoreIndex).length
    const loss = zeros()
    loss.values[0] = sum(rows, (t) => losses.values[t]!) / Math.max(1, count)
    return [loss, losses, { ...zeros(), values: Float64Array.of(count) }]
  },
  gradients: ['logits'],
})

export const crossEntropyCases: readonly OperationCase[] = [
  crossEntropyCase(4, 5, [0, 4, 2, 2]),
  crossEntropyCase(4, 5, [0, -100, 2, -100], 0.1),
  crossEntropyCase(3, 4, [0, 0, 3], 0, 0),
  crossEntropyCase(2, 3, [-100, -100]),
  crossEntropyCase(1, 1, [0]),
  crossEntropyCase(3, 131, [130, 7, 64], 0.01),
  crossEntropyCase(0, 4, []),
]
